"""Makes a plan: asks Nomad what would come of the new version, and whether its archive is there. Changes nothing."""

from dataclasses import dataclass, replace

from hoploom.deploying import archive, job_records, submission
from hoploom.deploying.job_source import JobSource
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import CHECKSUM, URL, Plan, Survey, Wish, before, plan, source_of
from hoploom.deploying.world import Submission
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient


@dataclass(frozen=True)
class Prepared:
    """A plan, and what is submitted by it."""

    plan: Plan
    submission: Submission


async def prepare(nomad: NomadApi, http: HttpClient, survey: Survey, wish: Wish) -> Prepared:
    """The plan of a deploy.

    Args:
        nomad: Has the job.
        http: Fetches the archive.
        survey: What runs now.
        wish: What is wanted; without a version the one before.

    Raises:
        ConfigError: The job cannot be told the version, its archive is not there, or Nomad refuses the job.
    """
    wish, source = await _wanted(nomad, survey, wish)
    source, words = await _with_archive(http, source)
    parsed = await nomad.parsed(source)
    beside = job_records.job(parsed).can_double
    job = submission.prepared(parsed, beside=beside, auto_revert=survey.job.stable)
    planned = await nomad.planned(job)
    made = plan(survey, wish, job_records.job(job), planned)
    return Prepared(replace(made, archive=words), Submission(job, source, made.modify_index))


async def _wanted(nomad: NomadApi, survey: Survey, wish: Wish) -> tuple[Wish, JobSource]:
    """The version with the source that makes it."""
    if wish.version:
        return wish, source_of(await _source(nomad, survey.job.id, survey.job.number), survey, wish)
    past = before(survey)
    source = await _source(nomad, survey.job.id, past.number)
    return replace(wish, version=past.version), source.told(wish.values)


async def _source(nomad: NomadApi, job: str, number: int) -> JobSource:
    source = await nomad.source(job, number)
    if source is None or not source.text:
        raise ConfigError(
            f"Nomad has not kept the job file of {job} (number {number}): submit it once by `nomad job run` or "
            "`hoploom up`, and see `job_max_source_size` and `job_tracked_versions` of its servers"
        )
    return source


async def _with_archive(http: HttpClient, source: JobSource) -> tuple[JobSource, str]:
    url = source.value(URL)
    if not url:
        return source, ""
    found = await archive.look(http, url, source.value(CHECKSUM))
    return source.told({CHECKSUM: found.checksum}), found.words
