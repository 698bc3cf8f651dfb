# collect: brings the results of all outputs, in every datacenter, into the data set in a folder; each time a fresh run
# of `hoploom collect --once`. For hosts where no output instance does the same (its setting data_set). A run that is
# killed is gone on with by the next.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters in which the host of the data set may be."
  default     = ["dc1"]
}

variable "node" {
  type        = string
  description = "Regular expression of the name of the node that has the data set's folder."
  default     = ".*"
}

variable "cron" {
  type        = string
  description = "When it runs, in UTC."
  default     = "*/5 * * * *"
}

variable "command" {
  type        = string
  description = "Absolute path of the Python that has hoploom installed."
  default     = "/opt/hoploom/bin/python"
}

variable "driver" {
  type        = string
  description = "Task driver: raw_exec on a machine of one's own, exec where Nomad runs as root and isolates."
  default     = "raw_exec"
}

variable "consul_addr" {
  type        = string
  description = "HTTP address of the Consul agent on the same host."
  default     = "http://127.0.0.1:8500"
}

variable "fabio_addr" {
  type        = string
  description = "Address of a Fabio."
  default     = "http://127.0.0.1:9999"
}

variable "token_dir" {
  type        = string
  description = "Folder with the token files of this host; empty on a mesh without ACLs. The tokens never enter the job."
  default     = "/etc/hoploom/tokens"
}

variable "data_set" {
  type        = string
  description = "Folder of the data set."
  default     = "/var/lib/hoploom/data-set"
}

variable "name" {
  type        = string
  description = "Name of the data set, by which outputs know what it has."
  default     = "main"
}

job "hoploom-collect" {
  datacenters = var.datacenters
  type        = "batch"

  periodic {
    crons = [var.cron]
    # Two runs would only wait for each other.
    prohibit_overlap = true
  }

  constraint {
    attribute = "${node.unique.name}"
    operator  = "regexp"
    value     = var.node
  }

  group "collect" {
    # The next run comes by itself.
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "collect" {
      driver = var.driver
      # It may be killed at any time; what it was fetching is gone on with.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      config {
        command = var.command
        args    = ["-m", "hoploom.cli", "collect", "--once", "--data-set", var.data_set, "--name", var.name]
      }

      env {
        HOPLOOM_CONSUL_ADDR       = var.consul_addr
        HOPLOOM_FABIO_ADDR        = var.fabio_addr
        HOPLOOM_CONSUL_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/output"
        HOPLOOM_WORKER_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/worker"
      }

      resources {
        cpu    = 100
        memory = 512
      }
    }
  }
}
