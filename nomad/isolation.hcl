# What a Nomad client of a host adds to client.hcl: tasks run by the exec driver, as users of their own, each in a root
# folder that has Python and nothing else of the host. Folders that are named as host volumes must exist when Nomad
# starts. Sources of the root folder that a host does not have are passed over, so this serves any of its Pythons and
# machines.
#
# Nomad's exec driver gives a task its user's id and the group 0, whatever the user's own group is: files for tasks are
# readable by their owner, or by group root.
client {
  # Nomad links them, or copies where its data is on another file system. Folders are real ones: a link to a folder is
  # not followed, so the loader has a line of its own. No program but Python and what its launcher calls.
  chroot_env = {
    "/usr/bin/python3.11"                              = "/usr/bin/python3.11"
    "/usr/bin/python3.12"                              = "/usr/bin/python3.12"
    "/usr/bin/python3.13"                              = "/usr/bin/python3.13"
    "/usr/lib/python3.11"                              = "/usr/lib/python3.11"
    "/usr/lib/python3.12"                              = "/usr/lib/python3.12"
    "/usr/lib/python3.13"                              = "/usr/lib/python3.13"
    "/usr/lib/x86_64-linux-gnu"                        = "/usr/lib/x86_64-linux-gnu"
    "/usr/lib/aarch64-linux-gnu"                       = "/usr/lib/aarch64-linux-gnu"
    "/usr/bin/dash"                                    = "/bin/sh"
    "/usr/bin/readlink"                                = "/usr/bin/readlink"
    "/etc/passwd"                                      = "/etc/passwd"
    "/etc/group"                                       = "/etc/group"
    "/etc/hosts"                                       = "/etc/hosts"
    "/etc/nsswitch.conf"                               = "/etc/nsswitch.conf"
    "/etc/resolv.conf"                                 = "/etc/resolv.conf"
    "/etc/ssl/certs/ca-certificates.crt"               = "/usr/lib/ssl/cert.pem"
    "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"   = "/lib64/ld-linux-x86-64.so.2"
    "/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1" = "/lib/ld-linux-aarch64.so.1"
  }

  host_volume "hoploom" {
    path      = "/opt/hoploom"
    read_only = true
  }

  host_volume "hoploom-tokens" {
    path      = "/etc/hoploom/tokens"
    read_only = true
  }

  host_volume "hoploom-output" {
    path = "/var/lib/hoploom/output"
  }

  host_volume "hoploom-ping" {
    path = "/var/lib/hoploom/ping"
  }

  host_volume "hoploom-fabio" {
    path      = "/etc/fabio"
    read_only = true
  }

  # Consul, Fabio and Nomad themselves.
  reserved {
    cpu    = 500
    memory = 512
    disk   = 1024
  }
}

plugin "exec" {
  config {
    # A raw socket, for the one service that probes. A task has what it asks for of these, and nothing by default.
    allow_caps       = ["net_raw"]
    denied_host_uids = "0-99"
  }
}
