"""Local users, and the roles of users and groups. A password is stored as its argon2 hash only."""

from dataclasses import dataclass

from tidegate.store.engine import ReadTx, Row, Tx, clock, row, rows, run
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append


@dataclass(frozen=True, slots=True)
class User:
    """A local user. since: tokens given out before are void. Times: epoch seconds."""

    name: str
    password_hash: str
    since: float
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class Binding:
    """A role of a subject in a namespace, `*`: in every one. kind: user or group."""

    kind: str
    subject: str
    namespace: str
    role: str
    created_at: float = 0.0
    created_by: str = ""


_USER = """SELECT name, password_hash, created_by, extract(epoch FROM tokens_since)::float8 AS since,
               extract(epoch FROM created_at)::float8 AS created_at FROM users"""


def add_user(tx: Tx, name: str, password_hash: str, *, author: str) -> bool:
    """Make a user; False when the name is taken."""
    made = run(
        tx,
        "INSERT INTO users (name, password_hash, created_by) VALUES (:name, :hash, :author) ON "
        "CONFLICT DO NOTHING",
        name=name,
        hash=password_hash,
        author=author,
    )
    if made:
        append(tx, store_id(tx), Line(author, "user.add", "", {"name": name}))
    return bool(made)


def set_password(tx: Tx, name: str, password_hash: str, *, author: str) -> bool:
    """Replace a password; every token that the user has is void from now on. False: no such
    user."""
    done = run(
        tx,
        "UPDATE users SET password_hash = :hash, tokens_since = clock_timestamp() WHERE name = "
        ":name",
        name=name,
        hash=password_hash,
    )
    if done:
        append(tx, store_id(tx), Line(author, "user.password", "", {"name": name}))
    return bool(done)


def remove_user(tx: Tx, name: str, *, author: str) -> bool:
    """Take a user away with all roles; tokens are void at once. False: no such user."""
    done = run(tx, "DELETE FROM users WHERE name = :name", name=name)
    if done:
        run(tx, "DELETE FROM bindings WHERE kind = 'user' AND subject = :name", name=name)
        append(tx, store_id(tx), Line(author, "user.remove", "", {"name": name}))
    return bool(done)


def get_user(tx: ReadTx, name: str) -> tuple[User | None, float]:
    """A user, and what time it is by the database's clock, epoch seconds."""
    result = row(tx, f"{_USER} WHERE name = :name", name=name)
    return (_user(result) if result else None), clock(tx)


def users(tx: ReadTx) -> tuple[User, ...]:
    """Every user, by name."""
    return tuple(_user(item) for item in rows(tx, f"{_USER} ORDER BY name"))


def bind(tx: Tx, binding: Binding, *, author: str) -> None:
    """Give a role, instead of any other that the subject has in this namespace."""
    run(
        tx,
        """INSERT INTO bindings (kind, subject, namespace, role, created_by)
           VALUES (:kind, :subject, :namespace, :role, :author)
           ON CONFLICT (kind, subject, namespace)
           DO UPDATE SET role = excluded.role, created_by = excluded.created_by, created_at = now()""",
        kind=binding.kind,
        subject=binding.subject,
        namespace=binding.namespace,
        role=binding.role,
        author=author,
    )
    body = {binding.kind: binding.subject, "namespace": binding.namespace, "role": binding.role}
    append(tx, store_id(tx), Line(author, "grant", "", body))


def unbind(tx: Tx, kind: str, subject: str, namespace: str, *, author: str) -> bool:
    """Take the role away; False: there was none."""
    done = run(
        tx,
        "DELETE FROM bindings WHERE kind = :kind AND subject = :subject AND namespace = :namespace",
        kind=kind,
        subject=subject,
        namespace=namespace,
    )
    if done:
        append(
            tx, store_id(tx), Line(author, "revoke", "", {kind: subject, "namespace": namespace})
        )
    return bool(done)


def bindings(tx: ReadTx, namespace: str) -> tuple[Binding, ...]:
    """The bindings of a namespace, by subject."""
    results = rows(
        tx,
        """SELECT kind, subject, namespace, role, created_by, extract(epoch FROM created_at)::float8 AS created_at
           FROM bindings WHERE namespace = :namespace ORDER BY kind DESC, subject""",
        namespace=namespace,
    )
    return tuple(
        Binding(
            item.kind, item.subject, item.namespace, item.role, item.created_at, item.created_by
        )
        for item in results
    )


def held(tx: ReadTx, name: str, groups: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(role, namespace) of everything that a user has, also through these groups."""
    results = rows(
        tx,
        """SELECT role, namespace FROM bindings
           WHERE (kind = 'user' AND subject = :name)
              OR (kind = 'group' AND subject = ANY (CAST(:groups AS text[])))
           ORDER BY namespace, role""",
        name=name,
        groups=list(groups),
    )
    return tuple((item.role, item.namespace) for item in results)


def _user(item: Row) -> User:
    return User(item.name, item.password_hash, item.since, item.created_at, item.created_by)
