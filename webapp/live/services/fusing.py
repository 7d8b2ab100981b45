"""The fusion of one jurisdiction: takes its events, keeps its picture, tells the pages, raises alerts, keeps its state."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import redis
from django.db import Error as DatabaseError
from django.db import connection

from cctv.events import CameraEvent
from prediction.fusion.packing import UnreadableStateError
from prediction.fusion.usual import UsualLevels
from webapp.accounts.models import Jurisdiction
from webapp.cameras.stream import counts_key
from webapp.common.channel import channel_name, redis_client
from webapp.forecasts.selectors.live_weights import live_weights_in_service
from webapp.forecasts.services.live_history import keep_live_hour
from webapp.forecasts.services.live_weights import make_prior
from webapp.live.models import UsualRecord
from webapp.live.services import checkpoint, telling
from webapp.live.services.checkpoint import EntryNumber, entry_number
from webapp.live.services.material import FACTORS, Material, kept_usual, read_material, read_signature, rows_of, take_seed
from webapp.live.services.picture import Picture, Rendered, Sent, Taken, fits
from webapp.live.services.scenes import Scenes, scene_alert, sparks_of
from webapp.live.services.switching import keep_usual
from webapp.watch.selectors import alert_message
from webapp.watch.services import raise_alerts

if TYPE_CHECKING:
    from webapp.watch.models import Alert

logger = logging.getLogger(__name__)

LOOK_S = 1.0  # how soon a new run, slot, weight or switch is followed
CAMERAS_LOOK_S = 15.0
SWEEP_S = 1.0  # slow fading is told so often
LEVELS_S = 1.0
HEALTH_S = 2.0
CHECKPOINT_S = 2.0
CHECKPOINT_SOON_S = 0.5  # … where a new scene waits for it
SHED = ("shed_measure", "shed_risk", "shed_full")  # counts of the stream
USUAL_S = 24 * 3600.0
SAMPLE_A_TICK = 2  # events shown on the pages: 8 a second
SCENES_LEAST = 3  # new scenes a minute that a centre can look at, however small
HOUR_S = 3600
HOUR_GRACE_S = 60.0


class Fuser:
    """One jurisdiction. Times are epoch seconds, handed in; nothing here sleeps."""

    def __init__(self, jurisdiction: Jurisdiction):
        self.jurisdiction = jurisdiction
        self.picture: Picture | None = None
        self.sent = Sent()
        self.scenes = Scenes()
        self.upto: EntryNumber = checkpoint.NOTHING
        self.counts: dict[str, int] = {"events": 0, "unknown": 0, "again": 0}
        self.hour = 0
        self._unacknowledged: list[bytes] = []
        self._since: list[Taken] = []  # taken since the last picture
        self._window: list[int] = [0]  # events since the last health message
        self._lag_s = 0.0
        self._due = dict.fromkeys(("look", "cameras", "sweep", "levels", "health", "checkpoint"), 0.0)
        self._checkpointed_s = 0.0
        self._usual_version = -1
        self._usual_saved_s = 0.0
        self._away: set[str] = set()
        self._reload = True
        self._done: list[bytes] = []
        self.is_started = False

    # --- Start ------------------------------------------------------------------------------------
    def start(self, now_s: float) -> None:
        """Read the material and go on where the last process stopped. Raises `DatabaseError`, `redis.RedisError`."""
        # A simulated city brings the true weights of its simulation; any other begins with what its rulings say.
        if not self.jurisdiction.is_simulated and live_weights_in_service(jurisdiction=self.jurisdiction) is None:
            make_prior(jurisdiction=self.jurisdiction)
        material = self._material(None, now_s)
        if material is None:
            self.is_started = True
            return
        kept = checkpoint.read(material)
        self.upto = max(self.upto, kept.upto)
        self.counts |= kept.counts
        self.hour = kept.hour or int(now_s // HOUR_S)
        attention = max(SCENES_LEAST, self.jurisdiction.operators // 2)
        self.scenes = Scenes.from_json(kept.scenes, a_minute=attention)
        self.picture = Picture(material, now_s=now_s, excess=kept.excess)
        record = kept_usual(self.jurisdiction)
        self._usual_saved_s = record.saved_at.timestamp() if record else 0.0
        if kept.excess is None and record is not None:
            self._adopt(record)
        self._reload = self.is_started = True

    def _material(self, known: Material | None, now_s: float) -> Material | None:
        signature = read_signature(self.jurisdiction)
        self.jurisdiction.refresh_from_db(fields=["time_zone"])
        now = datetime.fromtimestamp(now_s, UTC)
        return read_material(self.jurisdiction, now=now, signature=signature, known=known)

    # --- Events -----------------------------------------------------------------------------------
    def take(self, entries: Sequence[tuple[bytes, CameraEvent]], now_s: float) -> None:
        """Count entries in the order of the stream; one that was counted before is left out."""
        self._unacknowledged += [entry_id for entry_id, _event in entries]
        fresh = [(number, event) for entry_id, event in entries if (number := entry_number(entry_id)) > self.upto]
        self.counts["again"] += len(entries) - len(fresh)
        if not fresh:
            return
        events = [event for _number, event in fresh]
        self.upto = fresh[-1][0]
        self._lag_s = max(self._lag_s, now_s - fresh[0][0][0] / 1000)
        self.counts["events"] += len(events)
        self._window[0] += len(events)
        if self.picture is None:
            self.counts["unknown"] += len(events)
            return
        taken = self.picture.take(events, now_s)
        self._since.append(taken)
        self.counts["unknown"] += taken.unknown
        if taken.unknown:
            self._due["cameras"] = min(self._due["cameras"], self._due["look"] + 2.0)  # a camera may be new

    def acknowledged(self) -> list[bytes]:
        """Entries that a checkpoint holds, told once: they may go."""
        done, self._done = self._done, []
        return done

    # --- Time -------------------------------------------------------------------------------------
    def tick(self, now_s: float) -> None:
        """Whatever is due: look at the database, draw, tell, alert, keep. Faults of Redis and database are said and outlived."""
        with self._outliving("database"):
            self._look(now_s)
        if self.picture is None:
            if self.is_started:  # no cells to draw on: nothing can be kept of these
                self._done, self._unacknowledged = self._unacknowledged, []
            return
        if self._since or self._reload or now_s >= self._due["sweep"]:
            rendered = self.picture.render(now_s)
            since, self._since = self._since, []
            begun = self._spark(since, rendered)
            with self._outliving("redis"):
                self._tell(now_s, rendered, [*begun, *telling.sample(since, SAMPLE_A_TICK)])
            with self._outliving("database"):
                self._keep_hour(now_s, rendered)
        if self._is_due("checkpoint", now_s, CHECKPOINT_S) or self._scene_waits(now_s):
            with self._outliving("redis"):
                self._checkpoint(now_s)
                with self._outliving("database"):
                    self._write_alerts(now_s)
                    if now_s - self._usual_saved_s > USUAL_S:
                        self.save_usual(now_s)

    @contextmanager
    def _outliving(self, what: str) -> Iterator[None]:
        """Do something with Redis or the database; where that is away, say so once, and go on."""
        try:
            yield
        except (DatabaseError, redis.RedisError) as error:
            if what not in self._away:
                logger.warning("jurisdiction %s goes on without the %s for now: %s", self.jurisdiction.code, what, error)
                self._away.add(what)
            if isinstance(error, DatabaseError):
                connection.close()
            else:
                self._reload, self._usual_version = True, -1  # what Redis and the pages still have is not known any more
        else:
            if what in self._away:
                logger.info("jurisdiction %s: the %s is back", self.jurisdiction.code, what)
                self._away.discard(what)

    def _is_due(self, what: str, now_s: float, every_s: float) -> bool:
        if now_s < self._due[what]:
            return False
        self._due[what] = now_s + every_s
        return True

    def _look(self, now_s: float) -> None:
        """Follow what changed in the database: run, slot, weights, switch, cameras, seeds."""
        if not self._is_due("look", now_s, LOOK_S):
            return
        if self.picture is None:
            return self.start(now_s)
        material = self.picture.material
        cameras = None if self._is_due("cameras", now_s, CAMERAS_LOOK_S) else material.signature.cameras
        signature = read_signature(self.jurisdiction, cameras=cameras)
        over = material.slot is not None and now_s >= material.slot.until.timestamp()
        if signature != material.signature or over:
            now = datetime.fromtimestamp(now_s, UTC)
            fresh = read_material(self.jurisdiction, now=now, signature=signature, known=material)
            if fresh is None:
                self.picture = None
                return
            self.picture.follow(fresh)
            self._reload = True
        if signature.seeds and (seed := take_seed(self.jurisdiction)) is not None:
            self._adopt(seed)

    def _adopt(self, record: UsualRecord) -> None:
        """Take stored usual levels for the cameras of now."""
        assert self.picture is not None  # noqa: S101 (called where there is one)
        cameras = self.picture.material.cameras
        if tuple(record.factors) != FACTORS:
            logger.warning("stored usual levels of %s are of other risk factors: learnt anew", self.jurisdiction.code)
            return
        try:
            levels = UsualLevels.from_bytes(bytes(record.levels), zone=self.jurisdiction.zone)
        except UnreadableStateError as error:
            logger.warning("stored usual levels of %s: %s", self.jurisdiction.code, error)
            return
        self.picture.adopt_usual(levels.rearranged(rows_of(cameras.source_ids, record.source_ids)))
        self._usual_version = -1

    # --- The picture ------------------------------------------------------------------------------
    def _tell(self, now_s: float, rendered: Rendered, shown: Sequence[CameraEvent]) -> None:
        """What changed, to the keys and to the pages, in one round trip."""
        assert self.picture is not None  # noqa: S101
        pipeline = redis_client().pipeline(transaction=False)
        self._tell_cells(pipeline, rendered, now_s, sweep=self._is_due("sweep", now_s, SWEEP_S))
        cameras = self.picture.material.cameras
        telling.show_events(pipeline, self.jurisdiction.pk, [telling.event_message(event, cameras) for event in shown])
        if self._is_due("levels", now_s, LEVELS_S):
            telling.put_levels(pipeline, self.picture, rendered, now_s)
        if self._is_due("health", now_s, HEALTH_S):
            self._tell_health(pipeline, now_s)
        pipeline.execute()

    @property
    def _channel(self) -> str:
        return channel_name(self.jurisdiction.pk)

    def _spark(self, since: Sequence[Taken], rendered: Rendered) -> list[CameraEvent]:
        """Feed the scenes; returns the events that began one."""
        assert self.picture is not None  # noqa: S101
        if not self.picture.material.signature.is_on:
            return []
        before = set(self.scenes.open)
        for taken in since:
            self.scenes.take(sparks_of(self.picture, taken, rendered))
        begun = set(self.scenes.open) - before
        return [event for taken in since for event in taken.risks if event.key in begun][:SAMPLE_A_TICK]

    def _tell_cells(self, pipeline: "redis.client.Pipeline", rendered: Rendered, now_s: float, *, sweep: bool) -> None:
        assert self.picture is not None  # noqa: S101
        material = self.picture.material
        if material.slot is None:
            return
        if self._reload or not fits(self.sent, rendered.values):
            telling.put_frame(pipeline, material)
            telling.put_values(pipeline, self.jurisdiction.pk, rendered)
            self._put_state(pipeline, now_s)
            pipeline.publish(self._channel, telling.reload_message(material.slot, now_s))
            self.sent.restart(rendered.values)
            self._reload = False
            return
        changes = self.sent.changes(rendered.values, sweep=sweep)
        if len(changes.cells):
            telling.put_values(pipeline, self.jurisdiction.pk, rendered)
            self._put_state(pipeline, now_s)
            pipeline.publish(self._channel, telling.cells_message(material.slot, changes, now_s, self.upto))
        elif sweep:
            self._put_state(pipeline, now_s)

    def _put_state(self, pipeline: "redis.client.Pipeline", now_s: float) -> None:
        assert self.picture is not None  # noqa: S101
        telling.put_state(pipeline, self.picture.material, now_s, self.counts | {"held": self.scenes.held}, self.upto)

    def _tell_health(self, pipeline: "redis.client.Pipeline", now_s: float) -> None:
        assert self.picture is not None  # noqa: S101
        shed: Any = redis_client().hmget(counts_key(self.jurisdiction.pk), list(SHED))
        message = telling.health_message(
            self.picture,
            now_s,
            lag_s=self._lag_s,
            shed=sum(int(amount or 0) for amount in shed),
            events_per_s=self._window[0] / HEALTH_S,
        )
        self._lag_s, self._window[0] = 0.0, 0
        telling.put_health(pipeline, self.jurisdiction.pk, message)
        pipeline.publish(self._channel, message)

    # --- What must not be lost --------------------------------------------------------------------
    def _scene_waits(self, now_s: float) -> bool:
        return self.scenes.is_waiting and now_s >= self._checkpointed_s + CHECKPOINT_SOON_S

    def _checkpoint(self, now_s: float) -> None:
        """Keep the state, then let its entries go."""
        assert self.picture is not None  # noqa: S101
        usual = self.picture.excess.usual
        fresh = usual.to_bytes() if usual.version != self._usual_version else None
        self.scenes.forget(now_s)
        head: dict[str, Any] = {"upto": self.upto, "hour": self.hour, "scenes": self.scenes.to_json(), "counts": self.counts}
        whole = checkpoint.keep(
            self.jurisdiction.pk,
            excess=self.picture.excess,
            source_ids=self.picture.material.cameras.source_ids,
            head=head,
            usual=fresh,
        )
        # A Redis that was restarted empty has lost the rest, too: it is written again.
        self._reload = self._reload or not whole
        self._usual_version = usual.version if whole else -1
        self._checkpointed_s = now_s
        self._done, self._unacknowledged = [*self._done, *self._unacknowledged], []

    def _write_alerts(self, now_s: float) -> None:
        """A scene becomes an alert only once a checkpoint holds it, so that after a kill it is the same scene again."""
        assert self.picture is not None  # noqa: S101
        cameras = self.picture.material.cameras
        due = [scene for scene in self.scenes.due(now_s) if scene.camera in cameras.index]
        if not due:
            return
        made = [scene_alert(scene, int(cameras.ids[cameras.index[scene.camera]])) for scene in due]
        alerts: list[Alert] = raise_alerts(jurisdiction_id=self.jurisdiction.pk, scenes=made)
        self.scenes.told(due, now_s)
        pipeline = redis_client().pipeline(transaction=False)
        for alert in alerts:
            pipeline.publish(self._channel, json.dumps({"type": "alert", "alert": alert_message(alert)}, ensure_ascii=False))
        pipeline.execute()

    def _keep_hour(self, now_s: float, rendered: Rendered) -> None:
        """At each full hour, what the excess was then: the weights learn from it.

        Later than a minute after it the excess knows a part of that hour: such an hour is left out, which is no loss.
        """
        assert self.picture is not None  # noqa: S101
        material, hour = self.picture.material, int(now_s // HOUR_S)
        if hour <= self.hour or material.slot is None or now_s - hour * HOUR_S > HOUR_GRACE_S:
            self.hour = max(hour, self.hour)
            return
        keep_live_hour(
            jurisdiction=self.jurisdiction,
            run=material.slot.forecast,
            slot=material.slot.index,
            at=datetime.fromtimestamp(hour * HOUR_S, UTC),
            factors=FACTORS,
            excess=rendered.excess,
            seen=rendered.seen,
        )
        self.hour = hour

    def save_usual(self, now_s: float) -> None:
        """Keep the usual levels in the database, too: Redis may lose them."""
        record = kept_usual(self.jurisdiction)
        if self.picture is None or not self.picture.excess.usual.version or (record is not None and record.is_seed):
            return  # nothing learnt yet, or others are about to take their place
        begun = time.perf_counter()
        cameras, usual = self.picture.material.cameras, self.picture.excess.usual
        keep_usual(jurisdiction=self.jurisdiction, source_ids=cameras.source_ids, factors=FACTORS, levels=usual.to_bytes())
        self._usual_saved_s = now_s
        logger.info("usual levels of %s kept in %.1f s", self.jurisdiction.code, time.perf_counter() - begun)

    def stop(self, now_s: float) -> None:
        """A clean end: everything kept."""
        self._due["checkpoint"] = 0.0
        self.tick(now_s)
        with self._outliving("database"):
            if now_s - self._usual_saved_s > HOUR_S:
                self.save_usual(now_s)
