"""The names of curl's options (curl 7.88.1, src/tool_getparam.c): which take a value, which can be turned off by ``--no-``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

_VALUE: Final = """
url dns-ipv4-addr dns-ipv6-addr random-file egd-file oauth2-bearer connect-timeout doh-url ciphers dns-interface
dns-servers trace trace-ascii limit-rate rate create-file-mode max-redirs stderr aws-sigv4 interface krb krb4
max-filesize socks5 retry retry-delay retry-max-time ftp-account ftp-method local-port socks4 socks4a
ftp-alternative-to-user ftp-ssl-ccc-mode libcurl socks5-hostname keepalive-time noproxy proxy1.0 tftp-blksize
mail-from mail-rcpt proto proto-redir resolve delegation mail-auth sasl-authzid unix-socket socks5-gssapi-service
proxy-service-name service-name proto-default expect100-timeout connect-to abstract-unix-socket tls-max
happy-eyeballs-timeout-ms tls13-ciphers proxy-tls13-ciphers user-agent/A cookie/b alt-svc hsts cookie-jar/c
continue-at/C data/d data-raw data-ascii data-binary data-urlencode json url-query dump-header/D referer/e cert/E
cacert cert-type key key-type pass engine capath pubkey hostpubmd5 hostpubsha256 crlfile tlsuser tlspassword
tlsauthtype pinnedpubkey proxy-pinnedpubkey proxy-tlsuser proxy-tlspassword proxy-tlsauthtype proxy-cert
proxy-cert-type proxy-key proxy-key-type proxy-pass proxy-ciphers proxy-crlfile login-options proxy-cacert
proxy-capath etag-save etag-compare curves form/F form-string request-target header/H proxy-header config/K
max-time/m netrc-file output/o output-dir ftp-port/P quote/Q range/r telnet-option/t upload-file/T user/u
proxy-user/U write-out/w proxy/x preproxy request/X speed-limit/Y speed-time/y time-cond/z parallel-max
"""
_BOOL: Final = """
disable-epsv disallow-username-in-url epsv npn alpn compressed tr-encoding digest negotiate ntlm ntlm-wb basic
anyauth ftp-create-dirs create-dirs proxy-ntlm crlf haproxy-protocol disable-eprt eprt xattr ftp-ssl ssl ftp-pasv
tcp-nodelay proxy-digest proxy-basic retry-connrefused proxy-negotiate form-escape proxy-anyauth trace-time
ignore-content-length ftp-skip-pasv-ip ftp-ssl-reqd ssl-reqd sessionid ftp-ssl-control ftp-ssl-ccc raw post301
keepalive post302 socks5-gssapi-nec ftp-pret post303 metalink test-event path-as-is tftp-no-options
suppress-connect-headers compressed-ssh retry-all-errors http0.9 append/a use-ascii/B ssl-allow-beast
ssl-auto-client-cert proxy-ssl-auto-client-cert cert-status doh-cert-status false-start ssl-no-revoke
ssl-revoke-best-effort tcp-fastopen proxy-ssl-allow-beast proxy-insecure socks5-basic socks5-gssapi fail/f
fail-early styled-output mail-rcpt-allowfails fail-with-body remove-on-error globoff/g get/G help/h include/i head/I
junk-session-cookies/j remote-header-name/J insecure/k doh-insecure list-only/l location/L location-trusted manual/M
netrc/n netrc-optional buffer/N remote-name/O remote-name-all clobber proxytunnel/p disable/q remote-time/R silent/s
show-error/S verbose/v version/V parallel/Z parallel-immediate progress-bar/# progress-meter
"""
_NONE: Final = """
http1.0/0 http1.1 http2 http2-prior-knowledge http3 http3-only tlsv1/1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 sslv2/2
sslv3/3 ipv4/4 ipv6/6 proxy-tlsv1 next/:
"""
"""``long/short``, in the order of curl's table within each kind."""


class Name(msgspec.Struct, frozen=True):
    """``long`` without its dashes; ``value``: an argument follows; ``switch``: ``--no-`` turns it off."""

    long: str
    value: bool
    switch: bool


def _names() -> tuple[Name, ...]:
    return tuple(
        Name(word, kind is _VALUE, kind is _BOOL)
        for kind in (_VALUE, _BOOL, _NONE)
        for word in (entry.partition("/")[0] for entry in kind.split())
    )


NAMES: Final = _names()
SHORT: Final = MappingProxyType(
    {
        short: name
        for kind in (_VALUE, _BOOL, _NONE)
        for entry in kind.split()
        for long, _, short in [entry.partition("/")]
        if short
        for name in NAMES
        if name.long == long
    }
)
"""By letter."""
