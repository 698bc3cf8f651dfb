"""Settings of a manager."""

from dataclasses import dataclass

from hoploom import kit
from hoploom.kit import setting


@dataclass(frozen=True)
class Settings(kit.Settings):
    """A manager: the pages that people look at."""

    port: int = setting(0, "Port to listen on; 0 takes a free one.", env=("MANAGER_PORT", "PORT"))
    latest: int = setting(25, "Latest results shown on the page.", more="More makes the page longer, no slower.")
    gateway: bool = setting(
        True, "Whether workers that reach only this manager may ask and submit by it, under /gateway."
    )
    gateway_rate: float = setting(
        50.0,
        "Requests a second that one such worker may send; 0 for any number.",
        more="A spool that drains sends some ten a second; one worker may take more of a manager.",
    )
