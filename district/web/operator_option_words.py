"""Labels and hints of the vendors' own options, in the language being spoken."""

from district.web.language import gettext as _


def option_words() -> dict[str, tuple[str, str]]:
    """Label and hint by option, or by vendor and option where one name means different things."""
    return _controllers() | _vendors()


def _controllers() -> dict[str, tuple[str, str]]:
    return {
        "controller_url": (
            _("Address of the controller"),
            _("https, host and port, such as https://192.168.1.2:8043."),
        ),
        "ca_certificate": (
            _("Certificate authority (PEM)"),
            _("Only when the controller's certificate is not signed by a public authority."),
        ),
        "certificate_sha256": (
            _("The certificate's SHA-256"),
            _("Instead of an authority: trust this one certificate. 64 hex digits."),
        ),
        "username": (_("User name"), _("Of an account made for this alone, with as few rights as possible.")),
        "password": (_("Password"), ""),
        "api_key": (
            _("API key"),
            _("For the integration interface: Settings > Control Plane > Integrations."),
        ),
        "site": (_("Site"), _("As in the controller's own addresses.")),
    }


def _vendors() -> dict[str, tuple[str, str]]:
    return {
        "aruba.product": (_("Product"), ""),
        "aruba.path": (
            _("Path of the login form"),
            _("Empty: the product's usual one. Some Instant On need /swarm.cgi."),
        ),
        "coovachilli.response": (
            _("How the password travels"),
            _("CHAP keeps it from whoever listens on the air."),
        ),
        "coovachilli.challenge_life_s": (_("Life of a challenge, seconds"), _("chilli's challengetimeout.")),
        "mist.form": (_("Form of the answer"), _("As the WLAN's portal is set in Mist.")),
        "mist.authorize_url": (
            _("Mist's authorise address"),
            _("Of your organisation's cloud: portal.eu.mist.com and so on."),
        ),
        "omada.controller_id": (_("Controller ID"), _("The long id in the controller's own addresses.")),
        "omada.username": (
            _("Hotspot operator"),
            _("Hotspot Manager > Operators: not an administrator's account."),
        ),
        "omada.site": (_("Site"), _("Take guests of this site only; empty: of any.")),
        "omada.time_unit": (_("Unit of times"), _("Releases differ; the check below finds a wrong one.")),
        "omada.checks_time": (_("Read the first times back and refuse a wrong unit"), ""),
        "opennds.level": (_("Security level"), _("fas_secure_enabled in openNDS.")),
        "opennds.pollers": (
            _("Networks that it polls from"),
            _("Levels 3 and 4: polls from elsewhere are refused and sound an alarm; empty: any address."),
        ),
        "opennds.portal_ip": (
            _("The portal's IPv4 address"),
            _("openNDS wants it beside the name (fasremoteip)."),
        ),
        "portal2.controller_url": (_("Address of the access controller"), _("Such as udp://10.0.0.1:2000.")),
        "portal2.authentication": (_("How the password travels"), _("As the access controller is set.")),
        "portal2.user_ip_field": (
            _("Field with the user's address"),
            _("Only when the controller calls it unusually."),
        ),
        "portal2.mac_field": (
            _("Field with the MAC address"),
            _("Only when the controller calls it unusually."),
        ),
        "ruckus.checks_status": (
            _("Ask after the log-in whether the device is on line"),
            _("RUCKUS One may not answer: switch it off there."),
        ),
        "unifi.api": (_("Interface"), _("Integration needs Network 9.1.105 or newer and an API key.")),
        "unifi.is_unifi_os": (
            _("UniFi OS console"),
            _("Off for a self-hosted Network application (port 8443)."),
        ),
        "unifi.volume_unit": (
            _("Unit of volumes"),
            _("Of the classic interface; controllers differ."),
        ),
    }


def choice_words() -> dict[str, str]:
    """Choices in words, by option and value; the others show as they are."""
    return {
        "api.classic": _("classic: a local account"),
        "api.integration": _("integration: an API key"),
        "response.chap": "CHAP",
        "response.pap": "PAP",
        "authentication.chap": "CHAP",
        "authentication.pap": "PAP",
        "product.instant": "Instant / IAP",
        "product.instant_on": "Instant On",
        "product.controller": _("ArubaOS controller"),
        "form.signature": _("signature"),
        "form.jwt": "JWT",
        "level.1": _("1: clear redirect, hashed token"),
        "level.2": _("2: encrypted redirect"),
        "level.3": _("3: encrypted, and the gateway fetches who may pass"),
        "level.4": _("4: as 3 without encryption; openNDS 10 and newer"),
        "time_unit.milliseconds": _("milliseconds"),
        "time_unit.seconds": _("seconds"),
        "time_unit.microseconds": _("microseconds"),
        "volume_unit.megabytes": _("megabytes"),
        "volume_unit.bytes": _("bytes"),
    }
