# manager: the pages that people look at.
# It registers itself in Consul. The service block below belongs to Nomad alone and gates its deployments: healthy means
# that every Fabio routes here.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters to place it in."
  default     = ["dc1"]
}

variable "count" {
  type        = number
  description = "Instances to run; a system job runs one on every node instead."
  default     = 1
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

variable "version" {
  type        = string
  description = "Version of hoploom; a new value is a new deployment."
  default     = "0.1.0"
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
  default     = "hoploom-manager"
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

variable "open_reading" {
  type        = string
  description = "Whether anybody may read campaigns and results without a token."
  default     = "false"
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

variable "urls" {
  type        = string
  description = "Addresses, separated by commas, at which workers elsewhere reach the managers; empty tells none."
  default     = ""
}

variable "doors" {
  type        = string
  description = "Pages that home links to, as NAME=URL separated by commas, such as Consul=https://consul.example.org/ui/."
  default     = ""
}

variable "archive_dir" {
  type        = string
  description = "Folder with the archives for workers elsewhere, which /join installs; seen in /opt/hoploom by exec."
  default     = "/opt/hoploom/workers"
}

variable "development" {
  type        = bool
  description = "Whether people may sign in by plain HTTP, on a machine of one's own; each page then says so."
  default     = false
}

variable "active_passive" {
  type        = bool
  description = "Whether one manager alone serves pages, and the others stand by; else all of them do."
  default     = false
}

variable "home_dc" {
  type        = string
  description = "Datacenter whose pause and opt-outs hold in all of them, and whose managers keep the names; empty where there is one alone."
  default     = ""
}

variable "dyfi_hosts" {
  type        = string
  description = "Names, separated by commas, that are kept at dy.fi or another provider; empty keeps none."
  default     = ""
}

variable "dyfi_user" {
  type        = string
  description = "User of the account that these names belong to."
  default     = ""
}

variable "dyfi_password_file" {
  type        = string
  description = "File of the task's user with that user's password; it never enters the job."
  default     = "/etc/hoploom/tokens/dyfi"
}

variable "dyfi_url" {
  type        = string
  description = "Where the provider takes updates: dy.fi, or any other that speaks DynDNS2."
  default     = "https://www.dy.fi/nic/update"
}

variable "dyfi_address_url" {
  type        = string
  description = "Page that says who asks it; without one a new address is noticed at the next update only."
  default     = ""
}

variable "canary_s" {
  type        = number
  description = "Seconds, 1 to 20, between two changes of the registration by which one manager times the Fabios; 0 times none."
  default     = 10
}

variable "canary_stall_s" {
  type        = number
  description = "Seconds, 1 to 20, in which a Fabio has to follow Consul."
  default     = 10
}

variable "dyfi_contact" {
  type        = string
  description = "Mail or page of who answers for these updates; empty means the user."
  default     = ""
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
  }
  volumes = { for name, path in local.mounts : name => path if var.driver == "exec" && path != "" }
}

job "hoploom-manager" {
  datacenters = var.datacenters
  type        = "service"

  # A new version comes up whole beside the old one, is routed, and only then the old one drains.
  update {
    max_parallel      = 1
    canary            = var.count
    auto_promote      = true
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "1s"
    healthy_deadline  = "60s"
    progress_deadline = "0s"
  }

  group "manager" {
    count = var.count

    network {
      port "http" {}
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

    # A node that is cut off goes on serving its own side; meanwhile another one takes over here.
    disconnect {
      lost_after = "12h"
      replace    = true
      reconcile  = "keep_original"
    }

    task "manager" {
      driver = var.driver
      user   = var.user
      # raw_exec would send SIGINT. Longer than the service's own drain: hand-over 5 s, routers 5 s, requests 10 s, and
      # the rest; Nomad cuts anything above 30 s.
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
          read_only   = true
        }
      }

      config {
        command  = var.artifact_url == "" ? var.command : "${NOMAD_TASK_DIR}/hoploom/bin/python"
        args     = ["-m", "hoploom.manager"]
        cap_drop = var.driver == "exec" ? ["all"] : null
      }

      env {
        HOPLOOM_HOST                = "${NOMAD_IP_http}"
        HOPLOOM_PORT                = "${NOMAD_PORT_http}"
        HOPLOOM_DC                  = "${node.datacenter}"
        HOPLOOM_HOME_DC             = var.home_dc
        HOPLOOM_VERSION_TAG         = var.version
        HOPLOOM_CONSUL_ADDR         = var.consul_addr
        HOPLOOM_PREFIX              = var.prefix
        HOPLOOM_SERVICE_PREFIX      = var.service_prefix
        HOPLOOM_ROUTE_PREFIX        = var.route_prefix
        HOPLOOM_FABIO_ADDR          = var.fabio_addr
        HOPLOOM_URLS                = var.urls
        HOPLOOM_DOORS               = var.doors
        HOPLOOM_DEVELOPMENT         = var.development
        HOPLOOM_ACTIVE_PASSIVE      = var.active_passive
        HOPLOOM_ARCHIVE_DIR         = var.archive_dir
        HOPLOOM_DYFI_HOSTS          = var.dyfi_hosts
        HOPLOOM_DYFI_USER           = var.dyfi_user
        HOPLOOM_CANARY_S            = var.canary_s
        HOPLOOM_CANARY_STALL_S      = var.canary_stall_s
        HOPLOOM_DYFI_PASSWORD_FILE  = var.dyfi_password_file
        HOPLOOM_DYFI_URL            = var.dyfi_url
        HOPLOOM_DYFI_ADDRESS_URL    = var.dyfi_address_url
        HOPLOOM_DYFI_CONTACT        = var.dyfi_contact
        HOPLOOM_CONSUL_TOKEN_FILE   = var.token_dir == "" ? "" : "${var.token_dir}/manager"
        HOPLOOM_LOG_FORMAT          = "json"
        HOPLOOM_OPERATOR_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/manager-operator"
        HOPLOOM_OPEN_READING        = var.open_reading
        HOPLOOM_WORKER_TOKEN_FILE   = var.token_dir == "" ? "" : "${var.token_dir}/worker"
      }

      service {
        provider = "nomad"
        name     = "hoploom-manager"
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
