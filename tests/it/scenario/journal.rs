//! Everything that happened in a world, as text: the same for the same script.

use super::time::Time;
use super::world::World;

impl World {
    /// Every effect, and every message with its history.
    pub(crate) async fn journal(&self) -> String {
        format!("{}\n{}\n", self.tap.journal(), self.histories().await)
    }

    async fn histories(&self) -> String {
        let lines = self
            .database
            .ask(
                "SELECT CAST(h.message_id AS TEXT) || ' ' || CAST(h.at AS TEXT) || ' #' || CAST(h.attempt AS TEXT) || ' ' || h.event \
                 || CASE WHEN h.detail = '' THEN '' ELSE ': ' || h.detail END FROM history h ORDER BY h.message_id, h.seq",
            )
            .await;
        let readable = |line: String| {
            let mut parts = line.splitn(3, ' ');
            let mut next = || parts.next().expect("three parts").to_owned();
            let (message, at, event) = (next(), next(), next());
            let millis = at.parse::<i64>().expect("a time") - Time::start().as_millisecond();
            format!("{message} +{}.{:03} {event}", millis / 1000, millis % 1000)
        };
        lines.into_iter().map(readable).collect::<Vec<_>>().join("\n")
    }
}
