# A service of somebody's own on the kit, as `hoploom deploy` finds it: a version that its instances are told.
variable "version" {
  type    = string
  default = "1.4.0"
}

variable "command" {
  type = string
}

variable "service_file" {
  type = string
}

variable "consul_addr" {
  type = string
}

variable "consul_token_file" {
  type = string
}

# Where no archive is fetched, as here, they only show what a deploy would make of them.
variable "artifact_url" {
  type    = string
  default = ""
}

variable "artifact_checksum" {
  type    = string
  default = ""
}

variable "count" {
  type    = number
  default = 2
}

# Every so many-th request is answered 500.
variable "fail_every" {
  type    = number
  default = 0
}

variable "never_ready" {
  type    = bool
  default = false
}

job "orders" {
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

  group "orders" {
    count = var.count

    spread {
      attribute = "${node.datacenter}"
    }

    network {
      port "http" {}
    }

    task "orders" {
      driver       = "raw_exec"
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      config {
        command = var.command
        args    = [var.service_file]
      }

      env {
        HOPLOOM_HOST              = "${NOMAD_IP_http}"
        HOPLOOM_PORT              = "${NOMAD_PORT_http}"
        HOPLOOM_DC                = "${node.datacenter}"
        HOPLOOM_VERSION_TAG       = var.version
        HOPLOOM_CONSUL_ADDR       = var.consul_addr
        HOPLOOM_CONSUL_TOKEN_FILE = var.consul_token_file
        ORDERS_FAIL_EVERY         = var.fail_every
        ORDERS_NEVER_READY        = var.never_ready
      }

      service {
        provider = "nomad"
        name     = "orders"
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
        memory = 128
      }
    }
  }
}
