# output_service: stores what was probed.
# It registers itself in Consul. The service block below belongs to Nomad alone and gates its deployments: healthy means
# that every Fabio routes here.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters to place instances in."
  default     = ["dc1"]
}

variable "count" {
  type        = number
  description = "Instances to run."
  default     = 1
}

variable "command" {
  type        = string
  description = "Absolute path of the Python that has hoploom installed."
  default     = "/opt/hoploom/bin/python"
}

variable "version" {
  type        = string
  description = "Version of hoploom; a new value is a new deployment."
  default     = "0.1.0"
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

variable "data_dir" {
  type        = string
  description = "Folder that holds one database folder for each instance."
  default     = "/var/lib/hoploom"
}

variable "data_set" {
  type        = string
  description = "Folder of a data set, into which one of the instances that see it collects all results; empty for none."
  default     = ""
}

variable "memory" {
  type        = number
  description = "Megabytes of memory; an instance that collects needs 512."
  default     = 256
}

job "hoploom-output" {
  datacenters = var.datacenters
  type        = "service"

  # Every instance owns its own database folder, so the old one stops before its successor opens the same folder. With
  # two or more instances the others take what comes meanwhile.
  update {
    max_parallel      = 1
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "1s"
    healthy_deadline  = "60s"
    progress_deadline = "0s"
  }

  group "output" {
    count = var.count

    network {
      port "http" {}
    }

    spread {
      attribute = "${node.datacenter}"
    }

    restart {
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "fail"
    }

    reschedule {
      delay          = "5s"
      delay_function = "constant"
      unlimited      = true
    }

    task "output" {
      driver = var.driver
      # raw_exec would send SIGINT. Longer than the service's own drain: hand-over 5 s, routers 5 s, requests 10 s, and
      # the rest; Nomad cuts anything above 30 s.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      config {
        command = var.command
        args    = ["-m", "hoploom.output_service"]
      }

      env {
        HOPLOOM_HOST              = "${NOMAD_IP_http}"
        HOPLOOM_PORT              = "${NOMAD_PORT_http}"
        HOPLOOM_DC                = "${node.datacenter}"
        HOPLOOM_VERSION_TAG       = var.version
        HOPLOOM_CONSUL_ADDR       = var.consul_addr
        HOPLOOM_FABIO_ADDR        = var.fabio_addr
        HOPLOOM_CONSUL_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/output"
        HOPLOOM_LOG_FORMAT        = "json"
        HOPLOOM_WORKER_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/worker"
        HOPLOOM_DB_DIR            = "${var.data_dir}/output-${NOMAD_ALLOC_INDEX}"
        HOPLOOM_WAIT_LOCK_S       = "25"
        HOPLOOM_DATA_SET          = var.data_set
      }

      service {
        provider = "nomad"
        name     = "hoploom-output"
        port     = "http"

        check {
          type     = "http"
          path     = "/routed"
          interval = "1s"
          timeout  = "3s"
        }
      }

      resources {
        cpu    = 100
        memory = var.memory
      }
    }
  }
}
