"""When each alert fires and when it does not: series in promtool's notation, a value a minute.

`1x30` is 1 for thirty minutes more, `0+10x30` grows by 10 a minute, `_x5` is nothing for five. An alert is looked at
after `at` minutes, in both cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """One alert.

    Attributes:
        alert: Its name.
        fires: Series with which it fires.
        quiet: Series near those with which it does not.
        at: Minutes after which both are looked at.
    """

    alert: str
    fires: Series
    quiet: Series
    at: int = 20


def _of(name: str, fires: str, quiet: str) -> tuple[Series, Series]:
    return {name: fires}, {name: quiet}


A, B = 'instance_id="a"', 'instance_id="b"'
LEADS = f'hoploom_leader{{{A},role="collect-main"}}'
STORES = 'hoploom_collector_stores{instance_id="a",state="%s"}'
BEHIND = f'hoploom_collector_behind_seconds{{{A},store="s"}}'
ROUTED = {
    f'{name}{{service="{service}",instance_id="{service}-1"}}': value
    for service in ("input", "output", "manager")
    for name, value in (("hoploom_ready", "1x30"), ("hoploom_unlisted_by_fabios", "0x30"))
}
RESULTS = 'hoploom_http_requests_total{instance_id="a",service="output",route="/results",status="%s"}'
JOB = 'nomad_nomad_job_summary_%s{nomad_job="hoploom-input",task_group="input"}'
FABIO = 'fabio_http_status_count{instance="n1",code="%s"}'
TABLE = 'hoploom_fabio_table_routes{fabio="%s",dc="dc1",instance_id="%s"}'
TIMED = 'hoploom_route_converge_seconds_%s{fabio="n1",dc="dc1",instance_id="a"%s}'
OFFSET = 'hoploom_output_clock_offset_seconds_%s'
VALUE = 'hoploom_kv_value_bytes_%s'
OPERATIONS = 'hoploom_kv_transaction_operations_%s'
ELSEWHERE = 'hoploom_edge_workers{dc="dc1",status="%s"}'
RELAYED = 'hoploom_gateway_requests_total{dc="dc1",instance_id="a",kind="results",status="%s"}'
FLEET_PAIR = 'hoploom_fleet_pair_bad{source="attic",destination="barn"}'
HELD, PROBED = f"hoploom_ping_leases_held{{{A}}}", f'hoploom_ping_targets_total{{{A},outcome="answered"}}'
STOPPED = f'hoploom_ping_stopped{{{A},why="paused"}}'

CASES = (
    Case("InstanceDown", *_of('up{job="input",instance="x"}', "1x18 0x5", "1x19 0x5")),
    Case("InstanceNotReady", *_of(f"hoploom_ready{{{A}}}", "1x16 0x9", "1x19 0x9")),
    Case(
        "InstancesMissing",
        {'up{job="input",instance="x"}': "1x90", 'up{job="input",instance="y"}': "1x50 0x40"},
        # Two for ten minutes, as in a deployment, is no measure.
        {'up{job="input",instance="x"}': "1x90", 'up{job="input",instance="y"}': "_x39 1x10 _x40"},
        62,
    ),
    *(
        Case(
            "ServiceUnrouted",
            {**ROUTED, f'{name}{{service="{service}",instance_id="{service}-1"}}': "0x15 1x15" if bad else "1x15 0x15"},
            {**ROUTED, f'{name}{{service="{service}",instance_id="{service}-2"}}': "1x30" if bad else "0x30"},
        )
        for service in ("input", "output", "manager")
        for name, bad in (("hoploom_ready", False), ("hoploom_unlisted_by_fabios", True))
    ),
    Case("WorkersGone", {}, {'hoploom_ready{service="ping"}': "1x30"}),
    Case("WorkersGone", {ELSEWHERE % "passing": "0x30"}, {ELSEWHERE % "passing": "2x30"}),
    Case("WorkersElsewhereSilent", *_of(ELSEWHERE % "critical", "0x10 1x90", "1x60 0x9 1x30"), 90),
    Case("WorkersOfOneName", *_of(f"hoploom_ads_clashes{{{A}}}", "0x10 1x20", "0x10 1x3 0x20")),
    Case("FleetPairBad", *_of(FLEET_PAIR, "_x10 1x30", "1x10 _x30")),
    Case(
        "WorkersUnheard",
        {ELSEWHERE % "passing": "1x40", ELSEWHERE % "warning": "3x40"},
        {ELSEWHERE % "passing": "3x40", ELSEWHERE % "warning": "1x40"},
    ),
    Case("WorkersUnheard", {ELSEWHERE % "warning": "2x40"}, {ELSEWHERE % "warning": "1x40"}),
    Case(
        "GatewayFailing",
        {RELAYED % "200": "0+10x40", RELAYED % "503": "0+20x40"},
        {RELAYED % "200": "0+20x40", RELAYED % "503": "0+10x40"},
    ),
    Case(
        "ServiceErrors",
        {'hoploom_http_requests_total{service="input",status="500"}': "0+2x30",
         'hoploom_http_requests_total{service="input",status="200"}': "0+100x30"},
        {'hoploom_http_requests_total{service="input",status="503"}': "0+2x30",
         'hoploom_http_requests_total{service="input",status="200"}': "0+100x30"},
    ),
    Case("EventLoopStalls", *_of(f"hoploom_session_stalls_total{{{A}}}", "0+1x30", "0x10 1x20")),
    Case("ConsulUnreachable", *_of(f"hoploom_consul_reachable{{{A}}}", "1x10 0x20", "1x19 0x11")),
    Case(
        "LeaderMissing",
        {f'hoploom_leader{{role="dyfi",{A}}}': "1x15 0x15", f'hoploom_leader{{role="dyfi",{B}}}': "0x30"},
        {f'hoploom_leader{{role="dyfi",{A}}}': "1x15 0x15", f'hoploom_leader{{role="dyfi",{B}}}': "0x15 1x15"},
    ),
    Case("LeaderFlapping", *_of('hoploom_leader_transitions_total{role="manager",why="begun"}', "1+1x30", "1x15 2x15")),
    Case(
        "TwoLeaders",
        {f'hoploom_leader{{role="manager",{A}}}': "1x30", f'hoploom_leader{{role="manager",{B}}}': "0x10 1x20"},
        # One scrape that came before, and one that came after a change.
        {f'hoploom_leader{{role="manager",{A}}}': "1x20 0x20", f'hoploom_leader{{role="manager",{B}}}': "0x19 1x20"},
    ),
    Case("DyfiStopped", *_of(f"hoploom_dyfi_stopped{{{A}}}", "0x10 1x20", "1x10 0x20")),
    Case("DyfiFailing", *_of(f"hoploom_dyfi_failures{{{A}}}", "0x5 5x25", "4x30")),
    Case("DyfiOverdue", *_of(f"hoploom_dyfi_age_seconds{{{A}}}", "541000+60x40", "517000+60x40"), 30),
    Case(
        "LeasesReissued",
        {"hoploom_input_positions_reissued_total": "0+20x60", "hoploom_input_positions_handed_out_total": "0+100x60"},
        {"hoploom_input_positions_reissued_total": "0+5x60", "hoploom_input_positions_handed_out_total": "0+100x60"},
        40,
    ),
    Case("ResultsMissing", *_of("hoploom_input_positions_reopened_total", "0x10 9x20", "9x30")),
    Case("SigningKeysMissing", *_of(f"hoploom_signing_keys{{{A}}}", "2x5 0x25", "0x5 2x25")),
    Case("WorkerSilent", {HELD: "1x40", PROBED: "500x40"}, {HELD: "1x40", PROBED: "0+500x40"}, 30),
    Case("WorkerSilent", {HELD: "1x40", PROBED: "500x40", STOPPED: "0x40"}, {HELD: "0x40", PROBED: "500x40"}, 30),
    Case("WorkerSilent", {HELD: "1x40", PROBED: "500x40"}, {HELD: "1x40", PROBED: "500x40", STOPPED: "1x40"}, 30),
    Case("UplinkDead", *_of("hoploom_ping_uplink_dead", "1x40", "1x5 0x40")),
    Case("SpoolOld", *_of("hoploom_ping_spool_oldest_age_seconds", "0+60x40", "0+20x40")),
    Case(
        "SpoolDeep",
        {"hoploom_ping_spool_bytes": "60x40", "hoploom_ping_spool_limit_bytes": "100x40"},
        {"hoploom_ping_spool_bytes": "40x40", "hoploom_ping_spool_limit_bytes": "100x40"},
    ),
    Case("SpoolFull", *_of("hoploom_ping_spool_full", "0x10 1x20", "0x30")),
    Case("QuarantineNotEmpty", *_of("hoploom_ping_quarantine_segments", "0x10 2x20", "0x30")),
    Case("QuarantineDropped", *_of("hoploom_ping_quarantine_dropped_total", "0x10 2x20", "2x30")),
    Case("OutputDiskLow", *_of("hoploom_output_disk_free_bytes", "4e9x30", "9e9x30")),
    Case("OutputDiskLow", *_of("hoploom_output_disk_free_bytes", "50e9-40e6x400", "50e9-1e6x400"), 390),
    Case("OutputDiskFull", {RESULTS % 507: "0x15 3x15"}, {RESULTS % 507: "3x30", RESULTS % 500: "0x15 3x15"}),
    Case(
        "IngestErrors",
        {RESULTS % 200: "0+90x30", RESULTS % 422: "0+10x30"},
        {RESULTS % 200: "0+90x30", RESULTS % 507: "0+10x30", RESULTS % 422: "0+1x30"},
    ),
    Case("CollectorStalled", {LEADS: "1x40", f"hoploom_collector_looks_total{{{A}}}": "7x40"},
         {LEADS: "1x40", f"hoploom_collector_looks_total{{{A}}}": "7+1x40"}, 30),
    Case("CollectorBehind", {LEADS: "1x90", BEHIND: "0+60x90"}, {LEADS: "0x90", BEHIND: "0+60x90"}, 60),
    Case("StoreBlocked", {LEADS: "1x30", STORES % "blocked": "1x30"},
         {LEADS: "1x30", STORES % "blocked": "0x30", STORES % "collected": "1x30"}),
    Case("StoreAway", {LEADS: "1x40", STORES % "away": "1x40"}, {LEADS: "1x40", STORES % "away": "1x5 0x40"}, 30),
    Case("ResultsUnconfirmed", *_of(f"hoploom_output_oldest_unconfirmed_seconds{{{A}}}", "90000x90", "9000x90"), 80),
    Case(
        "WorkerClockOff",
        {OFFSET % "count": "1+1x40", OFFSET % 'bucket{le="60.0"}': "1x40"},
        {OFFSET % "count": "1+1x40", OFFSET % 'bucket{le="60.0"}': "1+1x40"},
    ),
    Case("ConsulNoLeader", *_of('consul_server_isLeader{instance="n1"}', "1x15 0x15", "1x30")),
    Case("ConsulUnhealthy", *_of("consul_autopilot_healthy", "1x15 0x15", "1x30")),
    Case("ConsulRaftSlow", *_of('consul_raft_commitTime{quantile="0.9"}', "400x40", "40x40")),
    Case("ConsulRaftGrowth", *_of("consul_raft_wal_log_entry_bytes_written", "0+90e6x90", "0+9e6x90"), 80),
    Case("ConsulKeysMany", *_of("consul_state_kv_entries", "200000x40", "20000x40")),
    Case(
        "ConsulValueLarge",
        {VALUE % "count": "1+1x40", VALUE % 'bucket{le="65536.0"}': "1x40"},
        {VALUE % "count": "1+1x40", VALUE % 'bucket{le="65536.0"}': "1+1x40"},
    ),
    Case(
        "ConsulTransactionLarge",
        {OPERATIONS % "count": "1+1x40", OPERATIONS % 'bucket{le="96.0"}': "1x40"},
        {OPERATIONS % "count": "1+1x40", OPERATIONS % 'bucket{le="96.0"}': "1+1x40"},
    ),
    Case("ConsulRefusesRequests", *_of("consul_client_rpc_exceeded", "0x10 4x20", "4x30")),
    Case("ConsulRefusesRequests", *_of("consul_rpc_rate_limit_exceeded", "0x10 4x20", "4x30")),
    Case("NomadNoLeader", *_of("nomad_nomad_autopilot_healthy", "1x15 0x15", "1x30")),
    Case("NomadAllocsPending", *_of(JOB % "queued", "0x10 1x20", "0x10 1x4 0x20")),
    Case("NomadAllocsStarting", *_of(JOB % "starting", "1x40", "1x4 0x40")),
    Case("NomadAllocsLost", *_of(JOB % "lost", "0x10 2x20", "2x30")),
    Case("NomadAllocsFailing", *_of(JOB % "failed", "0+1x30", "4x30")),
    Case(
        "FabioInstanceUnlisted",
        {f"hoploom_unlisted_by_fabios{{{A}}}": "0x15 1x15", f"hoploom_ready{{{A}}}": "1x30"},
        {f"hoploom_unlisted_by_fabios{{{A}}}": "0x15 1x15", f"hoploom_ready{{{A}}}": "0x30"},
    ),
    Case(
        "FabioTablesDisagree",
        {TABLE % ("n1", "a"): "24x30", TABLE % ("n2", "a"): "20x30"},
        # Two instances looked at different moments; the Fabios agree.
        {TABLE % ("n1", "a"): "24x30", TABLE % ("n2", "a"): "24x30", TABLE % ("n2", "b"): "20x30"},
    ),
    Case("FabioTableShrunk", *_of(TABLE % ("n1", "a"), "24x15 9x15", "48x15 24x15")),
    *(
        Case(f"RouteTable{what.title()}", *_of(f'hoploom_route_table_{what}{{fabio="n1",dc="dc1",instance_id="a"}}',
                                              "0x15 1x15", "0x10 1x5 0x15"))
        for what in ("stalled", "shrunken")
    ),
    Case(
        "RouteConvergeSlow",
        {TIMED % ("bucket", f',le="{bound}"'): rises for bound, rises in (("1.0", "0+5x50"), ("5.0", "0+6x50"),
                                                                          ("+Inf", "0+6x50"))},
        {TIMED % ("bucket", f',le="{bound}"'): rises for bound, rises in (("1.0", "0+6x50"), ("5.0", "0+6x50"),
                                                                          ("+Inf", "0+6x50"))},
        40,
    ),
    Case(
        "RouteFinding",
        {'hoploom_route_findings{kind="stale",severity="error",dc="dc1",instance_id="a"}': "0x10 2x20"},
        {'hoploom_route_findings{kind="dial-timeout",severity="warning",dc="dc1",instance_id="a"}': "0x10 2x20"},
    ),
    Case("RoutersUntimed", *_of(TIMED % ("count", ""), "0+6x20 120x30", "0+6x50"), 45),
    Case(
        "FabioErrors",
        {FABIO % 200: "0+100x30", FABIO % 503: "0+5x30"},
        {FABIO % 200: "0+100x30", FABIO % 507: "0+5x30"},
    ),
    # Time begins at 0 here.
    Case("CertificateExpires", *_of('hoploom_certificate_not_after_seconds{path="x"}', "1e6x30", "1e7x30")),
    Case("CertificatesUnseen", *_of("hoploom_certificates_seen_seconds", "-2e5x90", "0x90"), 80),
    Case("ClockOff", *_of("node_timex_sync_status", "0x40", "1x40")),
    Case("ClockOff", *_of("node_timex_offset_seconds", "-0.3x40", "0.01x40")),
    Case(
        "HostDiskLow",
        {'node_filesystem_avail_bytes{fstype="ext4"}': "5x40", 'node_filesystem_size_bytes{fstype="ext4"}': "100x40"},
        {'node_filesystem_avail_bytes{fstype="tmpfs"}': "5x40", 'node_filesystem_size_bytes{fstype="tmpfs"}': "100x40"},
    ),
    Case(
        "HostMemoryLow",
        {"node_memory_MemAvailable_bytes": "3x40", "node_memory_MemTotal_bytes": "100x40"},
        {"node_memory_MemAvailable_bytes": "30x40", "node_memory_MemTotal_bytes": "100x40"},
    ),
    Case(
        "HostUnitFailed",
        {'node_systemd_unit_state{name="consul.service",state="failed"}': "1x40"},
        {'node_systemd_unit_state{name="cups.service",state="failed"}': "1x40",
         'node_systemd_unit_state{name="consul.service",state="failed"}': "0x40"},
    ),
    Case(
        "FileDescriptorsLow",
        {'process_open_fds{job="consul"}': "90x40", 'process_max_fds{job="consul"}': "100x40"},
        {'process_open_fds{job="consul"}': "9x40", 'process_max_fds{job="consul"}': "100x40"},
    ),
    Case("MonitoringMisconfigured", *_of("prometheus_config_last_reload_successful", "0x40", "1x40")),
    Case("MonitoringMisconfigured", *_of("alertmanager_config_last_reload_successful", "0x40", "1x40")),
    Case(
        "AlertsUndelivered", *_of('alertmanager_notifications_failed_total{integration="email"}', "0x10 2x20", "2x30")
    ),
    Case("AlertsUndelivered", *_of("prometheus_notifications_dropped_total", "0x10 2x20", "2x30")),
)
