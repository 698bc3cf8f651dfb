"""Settings of a manager."""

from dataclasses import dataclass

from hoploom import kit
from hoploom.kit import setting


@dataclass(frozen=True)
class Settings(kit.Settings):
    """A manager: the pages that people look at."""

    port: int = setting(0, "Port to listen on; 0 takes a free one.", env=("MANAGER_PORT", "PORT"))
    latest: int = setting(25, "Latest results shown on the page.", more="More makes the page longer, no slower.")
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
