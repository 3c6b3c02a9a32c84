"""Sends again the commands whose error shows that they were not carried out, so that nothing is counted twice.

These are scripts that the server does not know, now sent with their text, and commands whose key had a value of another
type, once that is removed.
"""

from collections.abc import Callable, Mapping, Sequence

from redis.exceptions import NoScriptError, ResponseError

from apientreprise_gateway.store.errors import About, about
from apientreprise_gateway.store.faults import Faults
from apientreprise_gateway.store.link import Command, RedisLink, Reply


class Resending:
    """Sends again over one link."""

    def __init__(
        self,
        link: RedisLink,
        *,
        faults: Faults,
        scripts: Mapping[str, str],
        repair: Callable[[Command], Command] | None,
    ) -> None:
        """Configure it.

        Args:
            link: the way to Redis.
            faults: told of each error that is about one key or one command.
            scripts: the texts of the scripts that commands name, by their hashes.
            repair: from a command to one that removes the wrong value of its key; None to remove nothing.
        """
        self._link = link
        self._faults = faults
        self._scripts = scripts
        self._repair = repair

    async def send_failed(self, commands: Sequence[Command], replies: list[Reply]) -> None:
        """Send again what can be; the new replies take the places of errors. Raise as `RedisLink.exchange` does."""
        # Most replies are lists, from scripts: a check of the type is faster than `isinstance` for an error.
        failed = [
            place for place, reply in enumerate(replies) if type(reply) is not list and isinstance(reply, ResponseError)
        ]
        unknown = [place for place in failed if isinstance(replies[place], NoScriptError)]
        await self._replace(replies, unknown, commands)
        spoilt = []
        for place in failed:
            reply = replies[place]
            if isinstance(reply, ResponseError) and (meaning := about(reply)) is not About.STORE:
                self._faults.tell(reply, meaning, commands[place].key)
                if meaning is About.KEY:
                    spoilt.append(place)
        if spoilt and self._repair is not None:
            await self._link.exchange([self._repair(commands[place]) for place in spoilt])
            await self._replace(replies, spoilt, commands)

    async def _replace(self, replies: list[Reply], places: list[int], commands: Sequence[Command]) -> None:
        if not places:
            return
        again = await self._link.exchange([self._in_full(commands[place]) for place in places])
        for place, reply in zip(places, again, strict=True):
            replies[place] = reply

    def _in_full(self, command: Command) -> Command:
        """A command with the text of its script in the place of its hash."""
        if command.words[0] != "EVALSHA":
            return command
        _, sha, *rest = command.words
        return Command(command.key, ("EVAL", self._scripts[str(sha)], *rest))
