"""Whether a consumer is what it takes itself for: a member of its group as the group stands now.

Asked over the lanes' own client, which is connected; those who only count a group's members have `members`.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

_STABLE = "Stable"


async def is_member(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str) -> bool:
    """Whether `group` is settled and `consumer` takes part; False too where the brokers do not say.

    A member of a settled group has joined its present round, so it knows its partitions.
    """
    coordinator = consumer._coordinator  # the client's public face does not say who it is
    if coordinator is None:
        return False  # not started
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    except (KafkaError, OSError):
        return False
    ((error, _, state, _, _, members, *_),) = answer.groups
    return not error and state == _STABLE and any(each[0] == coordinator.member_id for each in members)
