//! Sends outcomes to Redis, everything that has gathered in one script, and tries until it succeeds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::calls::{Fate, Settlement, millis};
use super::desk::{Desk, Message, Outcome};

/// At most how many outcomes are taken together.
const BATCH: usize = 1000;
/// Pause after a Redis error.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest reason that is kept with a dead job, in bytes.
const WHY_BYTES_MAX: usize = 500;

/// Runs until it is aborted: outcomes may come as long as handlers run.
pub(super) async fn run(desk: Arc<Desk>, mut inbox: UnboundedReceiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut messages, BATCH).await > 0 {
        let (mut ended, mut waiters) = (Vec::with_capacity(messages.len()), Vec::new());
        for message in messages.drain(..) {
            match message {
                Message::Ended { id, outcome } => ended.push((id, outcome)),
                Message::Flush(waiter) => waiters.push(waiter),
            }
        }
        while !ended.is_empty() {
            send(&desk, &mut ended).await;
        }
        for waiter in waiters {
            // Who no longer waits need not know.
            let _ = waiter.send(());
        }
    }
}

/// Sends once; what must be sent again stays in `ended`.
async fn send(desk: &Desk, ended: &mut Vec<(String, Outcome)>) {
    // Looked up now and not when the job ended: an outage may have brought a new lease meanwhile.
    let tokens: Vec<_> = ended.iter().map(|(id, _)| desk.held.token(id)).collect();
    let settlements: Vec<_> = ended
        .iter()
        .zip(&tokens)
        .filter_map(|((id, outcome), token)| token.as_deref().map(|token| settlement(id, token, outcome)))
        .collect();
    let lost = ended.len() - settlements.len();
    let stale = match settlements.is_empty() {
        true => 0,
        false => match desk.lanes.settle(desk.lane, &settlements).await {
            Ok(stale) => stale,
            Err(_) => return tokio::time::sleep(PAUSE).await,
        },
    };
    if lost + stale > 0 {
        tracing::warn!(lane = desk.lane.name(), jobs = lost + stale, "outcomes came after their leases had run out");
    }
    let mut tokens = tokens.into_iter();
    ended.retain(|(id, _)| {
        let token = tokens.next().expect("one token was looked up for each outcome");
        !desk.held.finish(id, token.as_deref())
    });
}

fn settlement<'a>(id: &'a str, token: &'a str, outcome: &Outcome) -> Settlement<'a> {
    let fate = match outcome {
        Outcome::Done => None,
        Outcome::Release => Some(Fate { kind: "release", attempt: 0, value: String::new() }),
        Outcome::Retry { attempt, wait } => {
            Some(Fate { kind: "retry", attempt: *attempt, value: millis(*wait).to_string() })
        }
        Outcome::Dead { attempt, why } => {
            let why = why[..why.floor_char_boundary(WHY_BYTES_MAX)].to_owned();
            Some(Fate { kind: "dead", attempt: *attempt, value: why })
        }
    };
    Settlement { id, token, fate }
}
