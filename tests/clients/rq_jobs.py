"""RQ against a server: `rq_jobs.py <port>`; ends with 0 when all holds. It tests what of RQ needs no scripts."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.command import send_shutdown_command, send_stop_job_command
from rq.job import Job

from checks import LIMIT, check, wait_for

def square(number):
    return number * number


def fail_once(port, name):
    """Fails the first time that it runs."""
    if redis.Redis(port=port, db=1).set(name, 1, nx=True):
        raise ValueError(f"the first time of {name}")
    return name


def add_results_of_dependencies(port):
    job = Job.fetch("sum", connection=redis.Redis(port=port))
    return sum(dependency.return_value() for dependency in job.fetch_dependencies())


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def hold():
    """Runs until it is stopped, or its worker is gone."""
    worker = os.getppid()
    while os.getppid() == worker:
        time.sleep(0.02)


def burst(kind, queues, client):
    worker = kind(queues, connection=client)
    worker.work(burst=True, logging_level="CRITICAL")


def many(client, kind, count):
    queue = Queue("many", connection=client)
    jobs = [queue.enqueue("rq_jobs.square", number) for number in range(count // 2)]
    prepared = [Queue.prepare_data("rq_jobs.square", (number,)) for number in range(count // 2, count)]
    jobs += queue.enqueue_many(prepared)
    check("waiting", [len(queue), queue.job_ids[0], queue.get_job_position(jobs[-1])], [count, jobs[0].id, count - 1])
    burst(kind, [queue], client)
    check("results", [job.return_value() for job in jobs], [number * number for number in range(count)])
    check("finished", len(queue.finished_job_registry), count)
    check("nothing waits or runs", [len(queue), len(queue.started_job_registry)], [0, 0])
    check("result in a stream", jobs[7].latest_result().return_value, 49)
    check("results are kept for a while", 0 < client.ttl(jobs[7].key) <= 500, True)
    for job in jobs:
        job.delete()
    check("finished, after deletion", len(queue.finished_job_registry), 0)


def failures(client, port):
    queue = Queue("failures", connection=client)
    job = queue.enqueue("rq_jobs.fail_once", port, "requeued")
    dead = queue.enqueue("rq_jobs.die")
    retried = queue.enqueue("rq_jobs.fail_once", port, "retried", retry=Retry(max=2))
    burst(Worker, [queue], client)
    failed = queue.failed_job_registry
    check("failed", set(failed.get_job_ids()), {job.id, dead.id})
    check("reason", "ValueError: the first time of requeued" in job.latest_result().exc_string, True)
    check("reason of a death", "terminated unexpectedly" in dead.latest_result().exc_string, True)
    check("retried", [retried.get_status(refresh=True).value, retried.return_value()], ["finished", "retried"])
    failed.requeue(job)
    check("requeued", [queue.job_ids, job.id in failed.get_job_ids()], [[job.id], False])
    burst(Worker, [queue], client)
    check("result of the second time", job.return_value(refresh=True), "requeued")
    failed.remove(dead, delete_job=True)
    check("failed, at last", len(failed), 0)
    check("gone", Job.exists(dead.id, connection=client), False)


def order(client, port):
    high, low = Queue("high", connection=client), Queue("low", connection=client)
    first = [low.enqueue("rq_jobs.square", number) for number in (2, 3)]
    high.enqueue("rq_jobs.add_results_of_dependencies", port, job_id="sum", depends_on=first)
    check("deferred", [high.deferred_job_registry.get_job_ids(), len(high)], [["sum"], 0])
    cancelled = low.enqueue("rq_jobs.square", 5)
    cancelled.cancel()
    check("cancelled", [cancelled.get_status().value, low.canceled_job_registry.get_job_ids()], ["canceled", [cancelled.id]])
    later = low.enqueue("rq_jobs.square", 6)
    sooner = low.enqueue("rq_jobs.square", 7, at_front=True)
    check("at the front", low.job_ids, [sooner.id, *(job.id for job in first), later.id])
    burst(SimpleWorker, [high, low], client)
    check("sum", Job.fetch("sum", connection=client).return_value(), 13)
    scheduled = low.enqueue_in(timedelta(hours=1), "rq_jobs.square", 1)
    check("scheduled", low.scheduled_job_registry.get_job_ids(), [scheduled.id])


def commands(client, port):
    """A worker that blocks for jobs, in a process of its own, hears commands by publish and subscribe."""
    queue = Queue("commands", connection=client)
    # It dies with this process.
    bound = ["setpriv", "--pdeathsig", "KILL", "--"]
    line = [sys.executable, "-m", "rq.cli", "worker", "--url", f"redis://127.0.0.1:{port}", "--quiet", "--name", "w"]
    folder = os.path.dirname(os.path.abspath(__file__))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen([*bound, *line, "commands"], cwd=folder, env=environment)
    try:
        wait_for("the worker is there", lambda: Worker.all(connection=client))
        job = queue.enqueue("rq_jobs.square", 12)
        wait_for("a job that came while the worker waited", lambda: job.return_value(refresh=True) == 144)
        held = queue.enqueue("rq_jobs.hold")
        worker = Worker.all(connection=client)[0]
        wait_for("the worker has the job", lambda: worker.get_current_job_id() == held.id)
        wait_for("the job runs", lambda: held.get_status(refresh=True).value == "started")
        check("it listens", client.pubsub_numsub("rq:pubsub:w"), [(b"rq:pubsub:w", 1)])
        send_stop_job_command(client, held.id)
        wait_for("the job is stopped", lambda: held.get_status(refresh=True).value == "stopped")
        send_shutdown_command(client, "w")
        check("the worker's end", process.wait(LIMIT), 0)
        check("workers", Worker.all(connection=client), [])
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main():
    port = int(sys.argv[1])
    client = redis.Redis(port=port)
    client.flushall()
    many(client, SimpleWorker, 200)
    many(client, Worker, 40)
    failures(client, port)
    order(client, port)
    commands(client, port)
    client.flushall()
    print("rq: ok")


if __name__ == "__main__":
    main()
