"""The work for one registry: its images one after the other, by several workers, within the time that it has."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from image_pinner.core.errors import WorldError
from image_pinner.core.images.answers import NeedsConfig, answer_for, answer_from_config, answer_without_bytes
from image_pinner.core.images.digests import Digest
from image_pinner.core.images.references import ImageReference
from image_pinner.core.images.resolutions import ImageQuestion, Missing, Resolution, Unavailable
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.manifest_replies import reading
from image_pinner.sources.oci.manifest_requests import FoundManifest, ManifestRequests

Answers = dict[ImageQuestion, Resolution]


class Image(NamedTuple):
    """What one request is about.

    Args:
        reference: The image.
        secret_arn: The ARN of the secret that the template names for it, or empty: what one login sees, another may
            not.
    """

    reference: ImageReference
    secret_arn: str


class RegistryWork:
    """The questions to one registry.

    Args:
        requests: Asks the registry.
        todo: The images, each with its questions.
        deadline: The deadline of the run.
        seconds: How long the registry may take, from its first request on.
        metered: Whether its pulls are metered.
        cut: Ends the requests that serve a deadline.
    """

    def __init__(
        self,
        requests: ManifestRequests,
        todo: Mapping[Image, list[ImageQuestion]],
        *,
        deadline: Deadline,
        seconds: float,
        metered: bool,
        cut: Callable[[Deadline], object],
    ) -> None:
        self.size = len(todo)
        self._requests = requests
        self._run_deadline = deadline
        self._seconds = seconds
        self._metered = metered
        self._cut = cut
        self._lock = threading.Lock()
        self._deadline: Deadline | None = None
        self._timer: threading.Timer | None = None
        self._todo: queue.SimpleQueue[tuple[Image, list[ImageQuestion]]] = queue.SimpleQueue()
        for image in todo.items():
            self._todo.put(image)

    def work_off(self, answers: Answers) -> bool:
        """Answer questions until there are none left, or the registry's time is up; runs on several threads.

        Args:
            answers: Where answers are put.

        Returns:
            Whether no question is left.
        """
        deadline = self._begin()
        while deadline.remaining() > 0:
            try:
                image, questions = self._todo.get_nowait()
            except queue.Empty:
                return True
            answers.update(self._answer(image, questions, deadline))
        return False

    def end(self) -> None:
        """End the watch over the registry's time."""
        with self._lock:
            if self._timer:
                self._timer.cancel()

    def _begin(self) -> Deadline:
        with self._lock:
            if self._deadline is None:
                self._deadline = self._run_deadline.within(self._seconds)
                # A server that drips keeps a read alive for ever: only cutting its connection ends that.
                self._timer = threading.Timer(self._deadline.remaining(), self._cut, (self._deadline,))
                self._timer.daemon = True
                self._timer.start()
            return self._deadline

    def _answer(self, image: Image, questions: Iterable[ImageQuestion], deadline: Deadline) -> Answers:
        try:
            return self._answers(image, questions, deadline)
        except WorldError as error:
            return dict.fromkeys(questions, Unavailable(error.cause, error.remedy))

    def _answers(self, image: Image, questions: Iterable[ImageQuestion], deadline: Deadline) -> Answers:
        if self._metered:
            found = self._requests.by_header(image.reference, image.secret_arn, deadline)
            if isinstance(found, FoundManifest):
                return self._from_header(image, questions, found, deadline)
            if isinstance(found, Missing):
                return dict.fromkeys(questions, found)
        found = self._requests.by_body(image.reference, image.secret_arn, deadline)
        return self._from_body(image, questions, found, deadline)

    def _from_header(
        self, image: Image, questions: Iterable[ImageQuestion], found: FoundManifest, deadline: Deadline
    ) -> Answers:
        answers = {question: answer_without_bytes(question, found.resolved) for question in questions}
        to_open = [question for question, answer in answers.items() if answer is None]
        told: Answers = {question: answer for question, answer in answers.items() if answer is not None}
        if to_open:
            opened = self._requests.by_body(image.reference, image.secret_arn, deadline, found.resolved.digest)
            told |= self._from_body(image, to_open, opened, deadline)
        return told

    def _from_body(
        self, image: Image, questions: Iterable[ImageQuestion], found: FoundManifest | Missing, deadline: Deadline
    ) -> Answers:
        if isinstance(found, Missing):
            return dict.fromkeys(questions, found)
        manifest = found.manifest or b""
        with reading(manifest):
            answers = {question: answer_for(question, found.resolved, manifest) for question in questions}
        config: bytes | Unavailable | None = None
        told: Answers = {}
        for question, answer in answers.items():
            if not isinstance(answer, NeedsConfig):
                told[question] = answer
                continue
            config = config or self._config(image, answer.config, deadline)
            told[question] = answer_from_config(question, answer, config) if isinstance(config, bytes) else config
        return told

    def _config(self, image: Image, config: Digest, deadline: Deadline) -> bytes | Unavailable:
        try:
            return self._requests.config(image.reference, image.secret_arn, config, deadline)
        except WorldError as error:
            return Unavailable(error.cause, error.remedy)
