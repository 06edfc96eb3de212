"""Random changes that a database owner can make to recorded rows, as SQL statements."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

#: Generated columns, and those that the database protects from changes.
_CANNOT = {("job", "submitted_at"), ("subject_key", "wrapped_sha256")}

_CHAPTER = "audit.chapter_digest(topic, number, cluster_id, topic_id, begun_at)"
_LOST = (
    "audit.digest_of('lost', topic, partition::text, first_offset::text, next_offset::text,"
    " audit.microseconds(noticed_at))"
)

_TABLES = (
    "message", "lane", "job", "checkpoint", "dropped", "erasure", "subject_key", "migration", "turn",
    "chapter", "lost",
)  # fmt: skip


@dataclass(frozen=True)
class Tampering:
    """`said` describes it in failure messages."""

    said: str
    statements: Sequence[str]


class Tamperer:
    """Draws random changes for a database with rows in every table."""

    def __init__(
        self, chance: random.Random, columns: dict[str, list[tuple[str, str]]], days: list[str]
    ) -> None:
        self._chance = chance
        self._columns = columns
        self._days = days

    @classmethod
    async def of(cls, connection: asyncpg.Connection, seed: int) -> "Tamperer":
        columns: dict[str, list[tuple[str, str]]] = {}
        for row in await connection.fetch(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'audit' and table_name = any ($1) order by ordinal_position", list(_TABLES)
        ):  # fmt: skip
            if (row["table_name"], row["column_name"]) not in _CANNOT:
                columns.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
        days = await connection.fetch(
            "select relname::text as name from pg_class where relname ~ '^message_2' and relkind = 'r'"
            " and exists (select from audit.message where tableoid = pg_class.oid) order by 1"
        )
        return cls(random.Random(seed), columns, [row["name"] for row in days])

    def draw(self) -> Tampering:
        """Draws the next change."""
        kinds: list[tuple[int, Callable[[], Tampering]]] = [
            (40, self._column), (8, self._removed), (6, self._copied), (6, self._exchanged), (4, self._tail),
            (4, self._checkpoints), (10, self._definition), (6, self._day), (4, self._grant), (6, self._json),
            (4, self._resealed),
        ]  # fmt: skip
        (make,) = self._chance.choices([make for _, make in kinds], [weight for weight, _ in kinds])
        return make()

    def _some(self, table: str) -> str:
        """A random row of a table."""
        place = self._chance.random()
        where = f"(select ctid from audit.{table} order by md5(ctid::text || '{place}') limit 1)"
        return (
            f"ctid = {where}"
            if table != "message"
            else (
                '(topic, partition, "offset") = (select topic, partition, "offset" from audit.message'
                f" order by md5(topic || partition || \"offset\" || '{place}') limit 1)"
            )
        )

    def _column(self) -> Tampering:
        table = self._chance.choice([name for name, columns in self._columns.items() for _ in columns])
        name, kind = self._chance.choice(self._columns[table])
        value = self._other(f'"{name}"', kind)
        return Tampering(
            f"audit.{table}.{name} = {value}",
            [f'update audit.{table} set "{name}" = {value} where {self._some(table)}'],
        )

    def _other(self, name: str, kind: str) -> str:
        """An expression for a different value."""
        by = self._chance.randint(1, 1_000)
        match kind:
            case "text":
                return self._chance.choice(
                    [f"coalesce({name}, '') || 'x{by}'", f"coalesce({name}, '') || ' '"]
                )
            case "bytea":
                return (
                    f"case when length({name}) > 0 then set_bit({name}, {by} % (8 * length({name})),"
                    f" 1 - get_bit({name}, {by} % (8 * length({name})))) else '\\x{by:04x}' end"
                )
            case "ARRAY":
                return f"array['x{by}']"
            case "uuid":
                return "gen_random_uuid()"
            case "jsonb":
                return f"jsonb_build_object('x', {by})"
            case "timestamp with time zone":
                return self._chance.choice([
                    f"coalesce({name}, now()) + interval '{by} microseconds'",
                    "'infinity'", "'-infinity'", "'250000-01-01'", "'4000-01-01 BC'",
                ])  # fmt: skip
            case "date":
                return self._chance.choice([f"{name} + {by}", "'infinity'", "'250000-01-01'"])
            case "double precision":
                return self._chance.choice([f"coalesce({name}, 0) + {by} * 0.001", "'NaN'", "'-Infinity'"])
            case "numeric":
                return self._chance.choice([f"coalesce({name}, 0) + {by} * 0.000001", "'NaN'", "'Infinity'"])
            case _:
                return f"coalesce({name}, 0) + {by}"

    def _json(self) -> Tampering:
        """Payload or headers with nearly the same meaning."""
        change = self._chance.choice([
            "payload = payload || jsonb_build_object('attempt', 1.5)", "payload = payload - 'type'",
            "payload = jsonb_build_array(payload)", "payload = null",
            "payload = jsonb_set(payload, '{more}', 'true')",
            "headers = headers || '[[\"a\", \"b\"]]'", "headers = headers - 0",
            "headers = jsonb_set(headers, '{0,0}', '{\"base64\": \"Y2VfaWQ=\"}')",
        ])  # fmt: skip
        some = self._some("message").replace(
            "from audit.message", "from audit.message where payload is not null"
        )
        return Tampering(change, [f"update audit.message set {change} where {some}"])

    def _removed(self) -> Tampering:
        table = self._chance.choice(["message", "message", "job", "lane", "checkpoint", "erasure",
                                     "subject_key",
                                     "migration", "turn", "chapter", "lost"])  # fmt: skip
        return Tampering(
            f"a row of {table} removed", [f"delete from audit.{table} where {self._some(table)}"]
        )

    def _copied(self) -> Tampering:
        change = self._chance.choice(
            ['"offset" = "offset" + 1000', "partition = partition + 50", '"offset" = -1',
             "topic = topic || 'x'",
             "broker_at = broker_at + interval '1 second'"]
        )  # fmt: skip
        return Tampering(
            f"a row inserted with {change}",
            ["set local session_replication_role = replica",
             f"create temp table forged on commit drop as select * from audit.message where"
             f" {self._some('message')}",
             f"update forged set {change}", "insert into audit.message select * from forged"],
        )  # fmt: skip

    def _exchanged(self) -> Tampering:
        column = self._chance.choice(
            ["value", "payload", "chain", "record_sha256", "agent_id", "recorded_at"]
        )
        return Tampering(
            f"{column} of two neighbours exchanged",
            [f"""with pair as (
                select topic, partition, "offset", lead("offset") over lane as other, {column},
                  lead({column}) over lane as other_{column}
                from audit.message window lane as (partition by topic, partition order by "offset")
              ), one as (
                select * from pair where other is not null and {column} is distinct from other_{column}
                order by md5("offset" || topic || '{self._chance.random()}') limit 1
              ) update audit.message as message set {column} = case message."offset" when one.other
                then one.{column} else one.other_{column} end
              from one where message.topic = one.topic and message.partition = one.partition
                and message."offset" in (one."offset", one.other)"""],
        )  # fmt: skip

    def _tail(self) -> Tampering:
        cut = [
            'create temp table cut on commit drop as select topic, partition, max("offset") as'
            " last from audit.message"
            f" group by 1, 2 having count(*) > 1 order by md5(topic || '{self._chance.random()}') limit 1",
            'delete from audit.message as m using cut where (m.topic, m.partition, m."offset") ='
            " (cut.topic, cut.partition, cut.last)",
        ]
        if self._chance.random() < 0.5:
            cut.append(
                'update audit.lane set rows = lane.rows - 1, next_offset = m."offset" + 1, chain = m.chain'
                " from cut join audit.message as m using (topic, partition) where lane.topic = m.topic"
                ' and lane.partition = m.partition and m."offset" = (select max("offset") from'
                " audit.message as"
                " left_there where left_there.topic = m.topic and left_there.partition = m.partition)"
            )
        return Tampering("the end of a lane cut", cut)

    def _checkpoints(self) -> Tampering:
        statement = self._chance.choice([
            "delete from audit.checkpoint",
            "delete from audit.checkpoint where number = (select max(number) - 1 from audit.checkpoint)",
            "update audit.checkpoint set number = number + 1 where number = (select max(number)"
            " from audit.checkpoint)",
            "insert into audit.checkpoint select number + 1, made_at, key_id, message from audit.checkpoint"
            " order by number desc limit 1",
        ])  # fmt: skip
        return Tampering(statement, [statement])

    def _definition(self) -> Tampering:
        statement = self._chance.choice([
            "create or replace view audit.why as select null::uuid as job_id, now() as at,"
            " ''::text as agent_id,"
            " ''::text as tier, ''::text as rule, ''::text as reason, ''::text as policy_version, ''::text as"
            " runner_up_tier, ''::text as runner_up_rule, ''::text as runner_up_reason,"
            " 0::double precision as score,"
            " 0::double precision as threshold, '{}'::jsonb as checks, '{}'::jsonb as job, ''::text as topic,"
            " 0 as partition, 0::bigint as \"offset\", null::uuid as message_id",
            "create function audit.payload_fits(payload jsonb, value bytea) returns boolean"
            " language sql return true",
            "create or replace function audit.step_of(kind text) returns integer language sql"
            " immutable return 0",
            "create or replace function audit.is_outcome(kind text) returns boolean language"
            " sql return false",
            "alter function audit.ensure_days security invoker",
            "alter function audit.move_lanes reset search_path",
            "alter table audit.message disable trigger keep_jobs",
            "drop trigger keep_jobs on audit.message",
            "create rule quiet as on update to audit.lane do instead nothing",
            "alter table audit.message enable row level security",
            "create policy some on audit.message using (agent_id <> 'x')",
            "alter table audit.lane alter rows drop not null",
            "alter table audit.job alter messages set default 1",
            "alter table audit.lane drop constraint lane_pkey",
            "create index more on audit.message (agent_id) where agent_id = 'x'",
            "drop index audit.message_agent",
            "alter table audit.checkpoint set unlogged",
            "drop view audit.lag",
            "comment on view audit.why is 'Nothing'",
            "create trigger twice after insert on audit.lane for each row execute function audit.keep_jobs()",
            "create table audit.other (i integer)",
            "alter view audit.lag rename to lags",
            "alter table audit.message add column more text",
        ])  # fmt: skip
        return Tampering(statement[:70], [statement])

    def _day(self) -> Tampering:
        day = self._chance.choice(self._days)
        statement = self._chance.choice([
            f"drop table audit.{day}", f"alter table audit.message detach partition audit.{day}",
            f"truncate audit.{day}", f"grant insert on audit.{day} to pointsman_auditor",
            f"create trigger t before insert on audit.{day} for each statement execute function"
            f" audit.keep_jobs()",
            f"alter table audit.{day} disable trigger all, add check (agent_id <> 'x') not valid",
        ])  # fmt: skip
        return Tampering(statement, [statement])

    def _resealed(self) -> Tampering:
        """A row outside the chains, changed together with its digest."""
        change, digest = self._chance.choice([
            (f"chapter set cluster_id = 'c{self._chance.random()}'", _CHAPTER),
            ("chapter set topic_id = gen_random_uuid()", _CHAPTER),
            ("chapter set number = number + 1", _CHAPTER),
            ("lost set next_offset = next_offset - 1", _LOST), ("lost set partition = partition + 1", _LOST),
        ])  # fmt: skip
        table = change.partition(" ")[0]
        row = self._some(table)
        return Tampering(
            f"audit.{change}, its digest too",
            [f"update audit.{change} where {row}", f"update audit.{table} set digest = {digest}"],
        )

    def _grant(self) -> Tampering:
        statement = self._chance.choice([
            "grant delete on audit.message to pointsman_audit_writer",
            "grant update on audit.lane to pointsman_audit_writer",
            "grant insert on audit.job to pointsman_auditor",
            "grant execute on function audit.move_lanes to public",
            "grant execute on function audit.erase_subject to pointsman_audit_writer",
            "grant update (rows) on audit.lane to pointsman_audit_writer",
            "grant select (wrapped) on audit.subject_key to pointsman_auditor",
            "grant create on schema audit to pointsman_auditor",
            "revoke usage on schema audit from pointsman_audit_eraser",
            "alter default privileges in schema audit grant update on tables to pointsman_auditor",
            "alter view audit.jobs owner to pointsman_auditor",
        ])  # fmt: skip
        return Tampering(statement, [statement])
