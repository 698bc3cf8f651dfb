"""People of a manager: signing in, their accounts, sessions and tokens. Pure."""

from typing import Final

from hoploom.wire.api.describing import (
    ADMIN,
    ANYBODY,
    FLAG,
    FORM,
    HTML,
    INTEGER,
    JSON,
    TEXT_VALUE,
    VIEWER,
    Body,
    Call,
    form,
    page,
)

_ACCOUNTS: Final = (
    Call("GET", "/api/v1/users", "The people who may sign in, and who is invited.", ADMIN),
    Call("POST", "/api/v1/users/invites", "A one-time key with which a person chooses a password.", ADMIN,
         body=Body({"v": INTEGER, "name": TEXT_VALUE, "role": TEXT_VALUE, "valid_s": INTEGER}, ("v", "name"))),
    Call("POST", "/api/v1/users/doors", "A one-time key that signs the mesh's owner in; for the operators' token.",
         ADMIN, body=Body({"v": INTEGER, "name": TEXT_VALUE}, ("v",))),
    Call("PATCH", "/api/v1/users/{name}", "Give a person another role, keep one out, or let one in again.", ADMIN,
         body=Body({"v": INTEGER, "role": TEXT_VALUE, "disabled": FLAG}, ("v",))),
    Call("DELETE", "/api/v1/users/{name}", "Forget a person, or take an invitation back.", ADMIN),
    Call("POST", "/api/v1/users/{name}/sign-out", "End all sessions of a person.", ADMIN, body=Body()),
)  # fmt: skip
_TOKENS: Final = (
    Call("GET", "/api/v1/tokens", "One's own tokens for programs; those of all people for admins.", VIEWER),
    Call("POST", "/api/v1/tokens", "A new token; its text stands in this answer and nowhere else.", VIEWER,
         body=Body({"v": INTEGER, "name": TEXT_VALUE, "role": TEXT_VALUE, "days": INTEGER, "user": TEXT_VALUE},
                   ("v", "name")), answers={201: (JSON,)}),
    Call("DELETE", "/api/v1/tokens/{id}", "Take a token back.", VIEWER),
    page("/account/tokens", "One's own tokens for programs."),
    form("/account/tokens", "Make a token; the page shows it once.", VIEWER,
         name=TEXT_VALUE, role=TEXT_VALUE, days=INTEGER),
    form("/account/tokens/{id}/remove", "Take a token back.", VIEWER),
)  # fmt: skip
_SIGNING_IN: Final = (
    page("/sign-in", "Sign in with a name and a password.", ANYBODY, next="Page to go to then, relative to home"),
    Call("POST", "/sign-in", "Sign in; the answer gives the cookie of a session.", ANYBODY, body=Body(
        {"name": TEXT_VALUE, "password": TEXT_VALUE, "next": TEXT_VALUE}, ("name", "password"), (FORM,)),
         answers={303: (), 401: (HTML,), 429: (HTML,), 503: (HTML,)}),
    form("/sign-out", "End this session, at all managers.", VIEWER, csrf=TEXT_VALUE),
    Call("GET", "/api/v1/audit", "What people have changed, the newest first.", ADMIN),
)  # fmt: skip
_PAGES: Final = (
    page("/enter", "Where a link that works once leads to; its key stands behind the `#`.", ANYBODY),
    form("/enter/key", "Come in by a key, or choose a password for it.", ANYBODY, key=TEXT_VALUE),
    form("/enter/password", "Choose a password, and come in.", ANYBODY, key=TEXT_VALUE, password=TEXT_VALUE,
         again=TEXT_VALUE),
    page("/account", "One's own account: password, sessions.", done="What was done just now"),
    form("/account/password", "Another password.", VIEWER, csrf=TEXT_VALUE, present=TEXT_VALUE, password=TEXT_VALUE,
         again=TEXT_VALUE),
    form("/account/sessions", "End one session of one's own, or all others.", VIEWER, csrf=TEXT_VALUE,
         session=TEXT_VALUE),
    page("/people", "Who may sign in, and what they may do.", ADMIN),
    form("/people/invite", "Invite somebody; the answer has the link, this once.", ADMIN, csrf=TEXT_VALUE,
         name=TEXT_VALUE, role=TEXT_VALUE),
    form("/people/{name}", "Change what a person may do, end sessions, keep out, remove.", ADMIN, csrf=TEXT_VALUE,
         do=TEXT_VALUE, role=TEXT_VALUE),
)  # fmt: skip
CALLS: Final[tuple[Call, ...]] = (*_ACCOUNTS, *_TOKENS, *_SIGNING_IN, *_PAGES)
