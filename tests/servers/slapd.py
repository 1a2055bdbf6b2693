"""A real slapd in a temporary folder, on free ports of loopback and a Unix socket, ended by its process id."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from tests.service.conftest import free_port

BASE = "dc=corp,dc=example"
SERVICE = f"cn=gateway,{BASE}"
SERVICE_PASSWORD = "the-gateways-own-password"
PATIENCE = 20.0  # seconds

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {folder}/slapd.pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
{more}
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=admin,{base}"
directory {folder}/db
overlay ppolicy
ppolicy_default "cn=policy,{base}"
access to attrs=userPassword by anonymous auth by * none
{access}
"""

_READABLE = 'access to * by dn.exact="{service}" read by users read by anonymous auth'
OPEN = "access to * by * read"
"""Access for those who search without an account."""

LDIF = f"""
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: Corp
dc: corp

dn: {SERVICE}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: gateway
userPassword: {SERVICE_PASSWORD}

dn: cn=policy,{BASE}
objectClass: device
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdLockout: TRUE

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people
"""


def person(name: str, password: str | None, number: str | None, *more: str, ou: str = "people") -> str:
    """LDIF of one account; `more` are further lines."""
    lines = [f"dn: uid={name},ou={ou},{BASE}", "objectClass: inetOrgPerson", f"uid: {name}", f"cn: {name}", "sn: x"]
    if password is not None:
        lines.append(f"userPassword: {password}")
    if number is not None:
        lines.append(f"employeeNumber: {number}")
    return "\n" + "\n".join([*lines, *more]) + "\n"


class Slapd:
    """The server. `plain`, `secure` and `local` are its URLs' addresses."""

    def __init__(
        self, folder: Path, ldif: str, pair: tuple[Path, Path], *, access: str | None = None, more: str = ""
    ) -> None:
        self.plain, self.secure = free_port(), free_port()
        self.local = folder / "ldapi"
        self._folder = folder
        (folder / "db").mkdir(parents=True)
        # A copy: Debian's AppArmor profile keeps the installed path out of temporary folders.
        self._program = shutil.copy(shutil.which("slapd", path="/usr/sbin:/usr/bin") or "slapd is missing", folder)
        (folder / "slapd.conf").write_text(
            _CONFIG.format(
                folder=folder,
                base=BASE,
                certificate=pair[0],
                key=pair[1],
                more=more,
                access=(access or _READABLE).format(service=SERVICE),
            )
        )
        added = subprocess.run(
            ["/usr/sbin/slapadd", "-f", str(folder / "slapd.conf")], input=LDIF + ldif, text=True, capture_output=True
        )
        assert added.returncode == 0, added.stderr
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run, until it takes connections."""
        urls = (
            f"ldap://127.0.0.1:{self.plain}",
            f"ldaps://127.0.0.1:{self.secure}",
            f"ldapi://{quote(str(self.local), '')}",
        )
        command = [self._program, "-d", "0", "-f", str(self._folder / "slapd.conf"), "-h", " ".join(urls)]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as one, socket.socket() as other:
            return one.connect_ex(("127.0.0.1", self.plain)) == other.connect_ex(("127.0.0.1", self.secure)) == 0

    def freeze(self) -> None:
        """Stand still: the kernel goes on taking connections."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End, whether it stands still or not; idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
