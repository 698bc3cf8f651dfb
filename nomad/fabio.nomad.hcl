# Fabio, the mesh's router, on every node: for hosts where Nomad places it and no systemd unit runs it. Of the two only
# one may be there. Its settings and what tells the mesh where it is (consul/fabio-routes.hcl.j2) stay on the host. A
# port below 1024 needs net.ipv4.ip_unprivileged_port_start, since its task has no capability at all.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters to place it in."
  default     = ["dc1"]
}

variable "command" {
  type        = string
  description = "Absolute path of the program, where no archive is given."
  default     = "/opt/hoploom/engines/fabio-1.7.2/fabio"
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
  default     = "fabio"
}

variable "config" {
  type        = string
  description = "Its settings, a file of the task's user in /etc/fabio."
  default     = "/etc/fabio/fabio.properties"
}

variable "token_file" {
  type        = string
  description = "File with its Consul token, beside its settings; empty for none."
  default     = "/etc/fabio/consul-token"
}

variable "port" {
  type        = number
  description = "The port that the settings name in proxy.addr: taken on every node, and asked whether it listens."
  default     = 9999
}

variable "memory" {
  type        = number
  description = "Megabytes of memory; exec kills what takes more. An output that collects needs 512."
  default     = 128
}

locals {
  # What an isolated task sees of its host, by the names in isolation.hcl; raw_exec sees everything.
  mounts = {
    "hoploom"       = var.artifact_url == "" ? "/opt/hoploom" : ""
    "hoploom-fabio" = regex_replace(var.config, "/[^/]*$", "")
  }
  volumes = { for name, path in local.mounts : name => path if var.driver == "exec" && path != "" }
}

job "hoploom-fabio" {
  datacenters = var.datacenters
  type        = "system"

  # It does not listen before it has a table.
  update {
    max_parallel      = 1
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "1s"
    healthy_deadline  = "60s"
    progress_deadline = "0s"
  }

  group "fabio" {
    network {
      port "http" {
        static = var.port
      }
    }

    dynamic "volume" {
      for_each = local.volumes
      labels   = [volume.key]
      content {
        type      = "host"
        source    = volume.key
        read_only = true
      }
    }

    # A system job is never rescheduled: it has to go on trying.
    restart {
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    # A node that is cut off goes on routing its own side.
    disconnect {
      lost_after = "12h"
      replace    = false
      reconcile  = "keep_original"
    }

    task "fabio" {
      driver = var.driver
      user   = var.user
      # It serves for deregistergraceperiod, 5 s, and then ends what is in flight, for shutdownwait, 18 s, at most.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      dynamic "artifact" {
        for_each = var.artifact_url == "" ? [] : [var.artifact_url]
        content {
          source      = artifact.value
          destination = "local/fabio"
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
          read_only   = true
        }
      }

      # Garbage is collected rarely (runtime.gogc), and more often before the task takes more than it may.
      env {
        CONSUL_HTTP_TOKEN_FILE = var.token_file
        GOMEMLIMIT             = "${floor(var.memory * 0.75)}MiB"
      }

      config {
        command  = var.artifact_url == "" ? var.command : "${NOMAD_TASK_DIR}/fabio/fabio"
        args     = ["-cfg", var.config]
        cap_drop = var.driver == "exec" ? ["all"] : null
      }

      service {
        provider = "nomad"
        name     = "hoploom-fabio"
        port     = "http"

        check {
          type     = "tcp"
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
