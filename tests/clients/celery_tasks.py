"""Celery with a Redis broker and result backend: `celery_tasks.py <port>`; ends with 0 when all holds.

Two workers share 1,000 tasks. Midway one of them is killed with a task in its hands; later, in the other, a process of the pool.
What the first had not acknowledged comes back when its visibility timeout has passed. kombu takes a message from the queue, and
notes it as unacknowledged afterwards: one that is between the two when a worker dies is lost, whatever the server does. So the
worker is killed when none is.

kombu gives the lock of this restoring back by a script, and a worker ends when that fails at its start. While there are no
scripts, the test holds the lock until the workers have started; later failures are only logged, when all is restored.
"""

import os
import signal
import subprocess
import sys
import tempfile

import redis
from celery import Celery, group

from checks import LIMIT, wait_for

TASKS = 1000
KILLS_WORKER = 300
KILLS_CHILD = 600

PORT = int(os.environ.get("BROKER_PORT") or sys.argv[1])

app = Celery("celery_tasks", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # The queue of remote control expires, and kombu does that by a script.
    worker_enable_remote_control=False,
    broker_transport_options={
        "visibility_timeout": 2,
        "unacked_restore_throttle": 1,
        # What is not given back has to run out.
        "unacked_mutex_expire": 1,
    },
)


def first_time(client, name):
    return client.set(f"did:{name}", 1, nx=True)


@app.task(name="square")
def square(number):
    if number in (KILLS_WORKER, KILLS_CHILD):
        client = redis.Redis(port=PORT, db=2)
        if number == KILLS_WORKER and first_time(client, "worker"):
            client.rpush("victim", os.getppid())
            signal.pause()
        if number == KILLS_CHILD and first_time(client, "child"):
            os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def start_worker(name, log):
    # It dies with this process, and the processes of its pool die with it.
    command = ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "celery", "-A", "celery_tasks", "worker"]
    options = ["--hostname", f"{name}@localhost", "--concurrency", "2", "--loglevel", "INFO"]
    quiet = ["--without-gossip", "--without-mingle"]
    environment = {**os.environ, "BROKER_PORT": str(PORT), "PYTHONDONTWRITEBYTECODE": "1"}
    folder = os.path.dirname(os.path.abspath(__file__))
    return subprocess.Popen(command + options + quiet, cwd=folder, env=environment, stdout=log, stderr=log)


def waiting(client):
    return sum(other["cmd"] == "brpop" for other in client.client_list())


def noted(broker, results):
    """True when every task is done, or noted as unacknowledged."""
    done = set(redis.Redis(port=PORT, db=1).keys())
    held = b"".join(broker.hvals("unacked"))
    names = [result.id.encode() for result in results]
    return all(b"celery-task-meta-" + name in done or name in held for name in names)


def run(log):
    client, broker = redis.Redis(port=PORT, db=2, socket_timeout=2 * LIMIT), redis.Redis(port=PORT)
    client.flushall()
    broker.set("unacked_mutex", "held")
    workers = {worker.pid: worker for worker in (start_worker("one", log), start_worker("two", log))}
    try:
        wait_for("both workers wait for tasks", lambda: waiting(broker) == len(workers))
        half = TASKS // 2
        results = [group(square.s(number) for number in range(half)).apply_async()]
        victim = client.blpop("victim", timeout=LIMIT)
        assert victim, "no worker took the task that kills it"
        wait_for("no message is under way", lambda: noted(broker, results[0]))
        worker = workers[int(victim[1])]
        worker.kill()
        worker.wait()
        wait_for("the server knows that it is gone", lambda: waiting(broker) == len(workers) - 1)
        broker.delete("unacked_mutex")
        results.append(group(square.s(number) for number in range(half, TASKS)).apply_async())
        given = [value for part in results for value in part.get(timeout=LIMIT)]
        assert given == [number * number for number in range(TASKS)], "results are missing or wrong"
        assert client.exists("did:worker", "did:child") == 2, "not both deaths took place"
        keys = ("celery", "unacked", "unacked_index")
        wait_for("nothing is left in the broker", lambda: broker.exists(*keys) == 0)
        for part in results:
            part.forget()
        assert redis.Redis(port=PORT, db=1).dbsize() == 0, "forgotten results are still there"
        survivor = next(other for other in workers.values() if other is not worker)
        survivor.terminate()
        assert survivor.wait(LIMIT) == 0, "the survivor does not end in order"
    finally:
        for worker in workers.values():
            if worker.poll() is None:
                worker.kill()
                worker.wait()


def main():
    with tempfile.TemporaryFile("w+") as log:
        try:
            run(log)
        except BaseException:
            log.seek(0)
            print(log.read()[-8000:], file=sys.stderr)
            raise
    print("celery: ok")


if __name__ == "__main__":
    main()
