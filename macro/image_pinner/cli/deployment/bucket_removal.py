"""Taking the code out of its bucket, and the bucket away where nothing else is in it."""

from __future__ import annotations

from image_pinner.cli.deployment.aws_access import Asker
from image_pinner.cli.deployment.buckets import bucket_name, find_bucket
from image_pinner.cli.deployment.code import PREFIX
from image_pinner.cli.deployment.identity import Identity
from image_pinner.cli.deployment.surroundings import Surroundings
from image_pinner.core.errors import SourceError

_AT_ONCE = 1000  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html


def remove_bucket(surroundings: Surroundings, owner: Identity, region: str, name: str) -> None:
    """Delete our objects in a bucket, all versions of them, and the bucket where nothing else is in it.

    Args:
        surroundings: Who is asked and told.
        owner: The account.
        region: The region.
        name: The bucket.

    Raises:
        ConfigurationError: It is in another region, or of another account.
        SourceError: S3 could not be asked, or something could not be deleted.
    """
    asker, teller = surroundings.asker, surroundings.teller
    bucket = find_bucket(asker, owner, region, "" if name == bucket_name(owner, region) else name)
    if not bucket.exists:
        teller.line(f"{region}: the bucket {bucket.name} is gone already")
        return
    whose = {"Bucket": name, "ExpectedBucketOwner": owner.account}
    ours, others = _versions(asker, region, whose)
    for start in range(0, len(ours), _AT_ONCE):
        batch = {"Objects": ours[start : start + _AT_ONCE], "Quiet": True}
        told = asker.ask("s3", region, "delete_objects", **whose, Delete=batch)
        for error in told.get("Errors", ()):
            raise SourceError(
                f"s3://{name}/{error.get('Key')} could not be deleted: {error.get('Message')}",
                "Delete what is left of the bucket yourself",
            )
    if others:
        teller.line(f"{region}: the bucket {bucket.name} is kept, since {others} objects of others are in it", "yellow")
        return
    asker.ask("s3", region, "delete_bucket", **whose)
    teller.line(f"{region}: the bucket {bucket.name} is deleted", "green")


def _versions(asker: Asker, region: str, whose: dict[str, str]) -> tuple[list[dict[str, str]], int]:
    ours: list[dict[str, str]] = []
    others = 0
    for page in asker.pages("s3", region, "list_object_versions", **whose):
        for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
            if one["Key"].startswith(PREFIX):
                ours.append({"Key": one["Key"], "VersionId": one["VersionId"]})
            else:
                others += 1
    return ours, others
