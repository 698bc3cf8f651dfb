"""Settings of a manager."""

from dataclasses import dataclass

from hoploom import kit
from hoploom.kit import setting


@dataclass(frozen=True)
class Settings(kit.Settings):
    """A manager: the pages that people look at."""

    port: int = setting(0, "Port to listen on; 0 takes a free one.", env=("MANAGER_PORT", "PORT"))
    development: bool = setting(
        False,
        "Whether people may sign in by plain HTTP.",
        more="True is for a mesh on one machine: whoever is on the way then reads along, so every page says so.",
    )
    open_reading: bool = setting(
        True, "Whether anybody may read measurements by the API of RIPE Atlas (/api/v2) without a token."
    )
    active_passive: bool = setting(
        False,
        "Whether the leader among the managers alone serves, and the others stand by.",
        more="False lets all of them serve at once; sessions are good at each of them either way.",
    )
    latest: int = setting(25, "Latest results shown at home.", more="More makes the page longer, no slower.")
    doors: str = setting(
        "",
        "Pages that home links to, as NAME=URL separated by commas, such as Consul=https://consul.example.org/ui/.",
    )
    archive_dir: str = setting(
        "",
        "Folder with the archives that workers elsewhere are installed from, as `hoploom build` made them.",
        more="Served at /join; a ca.pem beside them is the authority of the mesh's HTTPS address. Empty offers none.",
    )
    gateway: bool = setting(
        True, "Whether workers that reach only this manager may ask and submit by it, under /gateway."
    )
    gateway_rate: float = setting(
        50.0,
        "Requests a second that one such worker may send; 0 for any number.",
        more="A spool that drains sends some ten a second; one worker may take more of a manager.",
    )
    canary_s: float = setting(
        10.0,
        "Seconds, 1 to 20, between two changes of the registration by which routers are timed; 0 times none.",
        more="Less asks routers for their tables more often: nine times in this time at most.",
    )
    canary_stall_s: float = setting(
        10.0, "Seconds, 1 to 20, in which a router has to follow what Consul shows; after that it counts as stalled."
    )
    dyfi_hosts: str = setting(
        "", "Names, separated by commas, that are kept pointing to where this datacenter is; empty keeps none."
    )
    dyfi_user: str = setting("", "User of the account at the provider that these names belong to.")
    dyfi_password_file: str = setting("", "File with that user's password.")
    dyfi_url: str = setting(
        "https://www.dy.fi/nic/update", "Where the provider takes updates: dy.fi, or any other that speaks DynDNS2."
    )
    dyfi_address_url: str = setting(
        "",
        "Page that says the address from which it is asked.",
        more="Without one a new address of this datacenter is noticed at the next update only, after 5 to 6 days.",
    )
    dyfi_contact: str = setting("", "Mail or page of who answers for these updates; empty means the user.")
    urls: str = setting(
        "",
        "Addresses, separated by commas, at which workers and managers elsewhere reach this manager, the best first.",
        more="Empty tells them its address on the mesh. Such as https://map.example.org.",
    )
    peers: str = setting(
        "",
        "Addresses of managers, separated by commas, beside those that Consul knows.",
        more="Asked every few seconds who is there; one of another mesh has to have the same workers' token.",
    )
    users_file: str = setting(
        "",
        "File with the users of the pages, for managers that are all on one host; empty keeps them in Consul.",
        more="On a local disk, of mode 0600; each manager of the host names the same one.",
    )
