# ping_service: the workers that probe.
# It registers itself in Consul. The service block below belongs to Nomad alone and gates its deployments: healthy means
# that every Fabio routes here.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters to place instances in."
  default     = ["dc1"]
}

variable "count" {
  type        = number
  description = "Workers to run where the scheduler is service; a system job runs one on every node."
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

variable "scheduler" {
  type        = string
  description = "system: one worker on every node. service: as many as count says, as on a machine of one's own."
  default     = "system"
}

variable "group" {
  type        = string
  description = "Workers of one group share the targets; empty makes each its own group, which maps everything."
  default     = ""
}

variable "worker_prefix" {
  type        = string
  description = "Start of the worker's name; its number follows. Empty names it after its host."
  default     = ""
}

variable "anchors" {
  type        = string
  description = "Addresses, separated by commas, that answer where the network of these machines works."
  default     = ""
}

variable "allow_private" {
  type        = bool
  description = "The owner's own key for private address space; the campaign needs one too."
  default     = false
}

variable "data_dir" {
  type        = string
  description = "Folder that holds one spool for each worker: results that wait for the output, also while no worker runs."
  default     = "/var/lib/hoploom"
}

variable "loopback_will_do" {
  type        = bool
  description = "Where the system allows no ICMP socket, probe loopback in a namespace of its own, and nothing else."
  default     = false
}

job "hoploom-ping" {
  datacenters = var.datacenters
  type        = var.scheduler

  update {
    max_parallel      = 1
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "1s"
    healthy_deadline  = "60s"
    progress_deadline = "0s"
  }

  group "ping" {
    count = var.count

    network {
      port "http" {}
    }

    dynamic "spread" {
      for_each = var.scheduler == "service" ? [1] : []
      content {
        attribute = "${node.datacenter}"
      }
    }

    restart {
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "fail"
    }

    # A system job is never rescheduled: it belongs to its node.
    dynamic "reschedule" {
      for_each = var.scheduler == "service" ? [1] : []
      content {
        delay          = "5s"
        delay_function = "constant"
        unlimited      = true
      }
    }

    task "ping" {
      driver = var.driver
      # raw_exec would send SIGINT. Longer than the service's own drain: hand-over 5 s, routers 5 s, requests 10 s, and
      # the rest; Nomad cuts anything above 30 s.
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      config {
        command = var.command
        args    = ["-m", "hoploom.ping_service"]
      }

      env {
        HOPLOOM_HOST              = "${NOMAD_IP_http}"
        HOPLOOM_PORT              = "${NOMAD_PORT_http}"
        HOPLOOM_DC                = "${node.datacenter}"
        HOPLOOM_VERSION_TAG       = var.version
        HOPLOOM_CONSUL_ADDR       = var.consul_addr
        HOPLOOM_FABIO_ADDR        = var.fabio_addr
        HOPLOOM_CONSUL_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/ping"
        HOPLOOM_LOG_FORMAT        = "json"
        HOPLOOM_WORKER_TOKEN_FILE = var.token_dir == "" ? "" : "${var.token_dir}/worker"
        HOPLOOM_GROUP             = var.group
        HOPLOOM_WORKER            = "${var.worker_prefix}${NOMAD_ALLOC_INDEX}"
        HOPLOOM_ANCHORS           = var.anchors
        HOPLOOM_ALLOW_PRIVATE     = var.allow_private
        HOPLOOM_LOOPBACK_WILL_DO  = var.loopback_will_do
        HOPLOOM_SPOOL_DIR         = "${var.data_dir}/ping-${NOMAD_ALLOC_INDEX}"
        HOPLOOM_WAIT_LOCK_S       = "25"
      }

      service {
        provider = "nomad"
        name     = "hoploom-ping"
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
        memory = 256
      }
    }
  }
}
