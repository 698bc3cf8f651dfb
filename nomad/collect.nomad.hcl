# collect: brings the results of all outputs, in every datacenter, into the data set in a folder; each time a fresh run
# of `hoploom collect --once`. For hosts where no output instance does the same (its setting data_set). A run that is
# killed is gone on with by the next.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters to place it in."
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
  description = "Absolute path of the program, where no archive is given."
  default     = "/opt/hoploom/bin/python"
}

variable "artifact_url" {
  type        = string
  description = "Archive that Nomad fetches: of `hoploom build`, or one with `fabio` at its top; empty for none."
  default     = ""
}

variable "artifact_checksum" {
  type        = string
  description = "Sum of that archive, sha256:HEX; Nomad refuses one with another sum, and one without."
  default     = ""
}

variable "driver" {
  type        = string
  description = "Task driver: exec where Nomad runs as root and isolates, raw_exec on a machine of one's own."
  default     = "exec"

  validation {
    condition     = contains(["exec", "raw_exec"], var.driver)
    error_message = "The driver is exec or raw_exec."
  }
}

variable "user" {
  type        = string
  description = "User of the host that the task runs as; empty is Nomad's own, on a machine of one's own."
  default     = "hoploom-output"
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
  description = "Folder with the token files of the host; empty without ACLs. The tokens never enter the job."
  default     = "/etc/hoploom/tokens"
}

variable "prefix" {
  type        = string
  description = "First part of the mesh's keys in Consul's KV store."
  default     = "hoploom"
}

variable "service_prefix" {
  type        = string
  description = "Put before the services' names in Consul, such as hoploom-, where others have theirs."
  default     = ""
}

variable "route_prefix" {
  type        = string
  description = "Put before the routes in Fabio, such as /hoploom, where others have theirs."
  default     = ""
}

variable "data_dir" {
  type        = string
  description = "Folder of the task's user for what outlives it, with one in it for each instance's number."
  default     = "/var/lib/hoploom/output"
}

variable "data_set" {
  type        = string
  description = "Folder of a data set, in data_dir, into which all results are collected; empty for none."
  default     = "/var/lib/hoploom/output/data-set"
}

variable "name" {
  type        = string
  description = "Name of the data set, by which outputs know what it has."
  default     = "main"
}

variable "memory" {
  type        = number
  description = "Megabytes of memory; exec kills what takes more. An output that collects needs 512."
  default     = 512
}

locals {
  # What an isolated task sees of its host, by the names in isolation.hcl; raw_exec sees everything.
  mounts = {
    "hoploom"        = var.artifact_url == "" ? "/opt/hoploom" : ""
    "hoploom-tokens" = var.token_dir
    "hoploom-output" = var.data_dir
  }
  volumes = { for name, path in local.mounts : name => path if var.driver == "exec" && path != "" }
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

    dynamic "volume" {
      for_each = local.volumes
      labels   = [volume.key]
      content {
        type      = "host"
        source    = volume.key
        read_only = volume.key != "hoploom-output"
      }
    }

    task "collect" {
      driver = var.driver
      user   = var.user

      # It may be killed at any time; what it was fetching is gone on with.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      dynamic "artifact" {
        for_each = var.artifact_url == "" ? [] : [var.artifact_url]
        content {
          source      = artifact.value
          destination = "local/hoploom"
          options {
            checksum = var.artifact_checksum
          }
        }
      }

      dynamic "volume_mount" {
        for_each = local.volumes
        content {
          volume      = volume_mount.key
          destination = volume_mount.value
          read_only   = volume_mount.key != "hoploom-output"
        }
      }

      config {
        command  = var.artifact_url == "" ? var.command : "${NOMAD_TASK_DIR}/hoploom/bin/python"
        args     = ["-m", "hoploom.cli", "collect", "--once", "--data-set", var.data_set, "--name", var.name]
        cap_drop = var.driver == "exec" ? ["all"] : null
      }

      env {
        HOPLOOM_CONSUL_ADDR       = var.consul_addr
        HOPLOOM_PREFIX            = var.prefix
        HOPLOOM_SERVICE_PREFIX    = var.service_prefix
        HOPLOOM_ROUTE_PREFIX      = var.route_prefix
        HOPLOOM_FABIO_ADDR        = var.fabio_addr
        HOPLOOM_CONSUL_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/output"
        HOPLOOM_WORKER_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/worker"
      }

      resources {
        cpu    = 100
        memory = var.memory
      }
    }
  }
}
