//! A worker thread: its runtime, its buffers, and the connections dealt to it.

use crate::connection::Connection;
use crate::stream::RawStream;
use crate::upkeep::GIVING_BACK_CYCLE;
use node::clients::Client;
use node::{Session, Worker};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// How much one read may bring, in bytes. A read that does not fill it tells that nothing more has come.
const READ_BYTES: usize = 64 * 1024;

/// A connection on its way to the worker that will serve it.
pub(crate) struct Dealt {
    pub(crate) stream: RawStream,
    pub(crate) client: Arc<Client>,
}

/// What the connections of a worker share. Behind a lock that only this thread takes: it is never contended, and spares the tasks from
/// being bound to a thread.
pub(crate) struct Bench {
    pub(crate) worker: Worker,
    pub(crate) input: Box<[u8]>,
    pub(crate) output: Vec<u8>,
}

/// Runs a worker until `stop` says so or nothing more can be dealt to it.
pub(crate) fn run(
    worker: Worker,
    mut dealt: mpsc::UnboundedReceiver<Dealt>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bench = Arc::new(Mutex::new(Bench {
        worker,
        input: vec![0; READ_BYTES].into(),
        output: Vec::new(),
    }));
    runtime.block_on(async {
        let mut giving_back = tokio::time::interval(GIVING_BACK_CYCLE);
        giving_back.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|&stop| stop) => return,
                _ = giving_back.tick() => bench.lock().worker.give_back_memory(),
                next = dealt.recv() => match next {
                    Some(next) => serve(next, &bench),
                    None => return,
                },
            }
        }
    });
    Ok(())
}

fn serve(dealt: Dealt, bench: &Arc<Mutex<Bench>>) {
    let id = dealt.client.id;
    match dealt.stream.register() {
        Ok(stream) => {
            let may_enter = !bench.lock().worker.node.password.is_required();
            let session = Session::new(dealt.client, may_enter);
            tokio::spawn(Connection::new(stream, session, Arc::clone(bench)));
        }
        Err(error) => {
            tracing::warn!("Error registering a client's socket: {error}");
            bench.lock().worker.node.clients.disconnect(id);
        }
    }
}
