"""What steers the mesh by a manager: campaigns, plans, pauses, opt-outs. Pure."""

from typing import Final

from hoploom.wire.api.describing import OPERATOR, TEXT_VALUE, UPLOAD, VIEWER, Body, Call, form, page
from hoploom.wire.api.input_calls import CAMPAIGN_FIELDS

_TYPED: Final = dict.fromkeys((
    *("name", "blocks", "lists", "excludes", "per_prefix", "own", "contact", "kind", "count", "max_ttl", "rate_pps"),
    *("network_pps", "max_targets", "rounds", "cooldown_minutes", "cooldown_scope", "slices", "apart"),
    *("key", "planned", "step", "agreed", "csrf"),
), TEXT_VALUE)  # fmt: skip
"""Fields of the form of a new campaign; `lists` are files."""

CALLS: Final = (
    Call("GET", "/api/v1/summary/{campaign}", "One campaign: its progress, and what became of its targets.", VIEWER),
    Call("POST", "/api/v1/plans", "What a campaign would probe, and for how long; nothing is made.", OPERATOR,
         body=Body(CAMPAIGN_FIELDS, ("v", "id", "blocks"))),
    page("/campaigns", "All campaigns and how far they are.", q="Part of a name, id or contact.",
         state="Only in this one.", page="Which fifty."),
    page("/campaigns/{id}", "One campaign: its progress by group and shard, its settings."),
    form("/campaigns/{id}/{act}", "Pauses one, lets it go on (`resume`), or stops it for good.", sure=TEXT_VALUE,
         csrf=TEXT_VALUE),
    page("/campaigns/new", "The form of a new campaign.", OPERATOR),
    form("/campaigns/new", "Shows the plan of what is typed, or starts what was planned.", OPERATOR, UPLOAD, **_TYPED),
    page("/opt-outs", "Which blocks nobody probes.", q="Part of a block or note.", page="Which hundred."),
    form("/opt-outs", "Leaves a block alone.", block=TEXT_VALUE, until=TEXT_VALUE, note=TEXT_VALUE, csrf=TEXT_VALUE),
    form("/opt-outs/remove", "Takes a block off the list.", block=TEXT_VALUE, csrf=TEXT_VALUE),
    page("/caps", "Caps that hold for all workers together."),
    form("/caps", "Sets them.", rate_pps=TEXT_VALUE, network_pps=TEXT_VALUE, csrf=TEXT_VALUE),
)  # fmt: skip
