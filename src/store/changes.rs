//! Writing messages back: of a message's many columns only those that change. Most facts leave most of them as they are, and an
//! index over one of them costs nothing where it is not written.

use std::collections::BTreeMap;

use sea_orm::DatabaseTransaction;

use super::encode::{self, millis};
use super::sql::{Db, Sql, Table, args};
use crate::domain::channel::Channel;
use crate::domain::delivery::{Standing, State};
use crate::domain::ids::WhatsAppId;
use crate::domain::message::Rendered;
use crate::domain::pricing::ToldPrice;

/// The columns of a message that not every change touches.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    standing: Standing,
    pub(super) money: Money,
    pub(super) calls: Calls,
}

/// What a message costs and has reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Money {
    /// What callbacks say of the price.
    pub(super) told: Option<Told>,
    pub(super) cost_micros: Option<i64>,
    /// The attempts that were charged, one bit for each.
    pub(super) charged: i64,
    /// Those of them whose price no callback has told with their arrival: one may still put it right.
    pub(super) unsettled: i64,
    /// What the attempt under way will cost if it is charged.
    pub(super) reserved_micros: i64,
}

/// When and over what a message was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) called_at: Option<i64>,
    /// When the newest attempt that counts toward the tier was called.
    pub(super) counted_at: Option<i64>,
    /// The last attempt that went over WhatsApp.
    pub(super) whatsapp_attempt: u16,
}

/// What callbacks say of the price of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) attempt: u16,
    /// Said with its arrival, which wins over what was said when it left.
    pub(super) at_arrival: bool,
    pub(super) price: ToldPrice,
}

impl Columns {
    pub(super) const fn new(standing: Standing, money: Money, calls: Calls) -> Self {
        Self { standing, money, calls }
    }
}

/// A message to be written.
pub(super) struct Changed {
    pub(super) id: i64,
    pub(super) changed_at: i64,
    pub(super) n_events: i64,
    pub(super) events_seen: i64,
    /// As the row has them.
    pub(super) before: Columns,
    pub(super) after: Columns,
    /// The text that is frozen with this attempt.
    pub(super) freeze: Option<Rendered>,
}

impl Changed {
    fn state(&self) -> State {
        self.after.standing.delivery.state()
    }
}

/// Columns that change together.
struct Group {
    columns: &'static [&'static str],
    differs: fn(&Changed) -> bool,
    add: fn(Table, &[Changed]) -> Table,
}

/// State, time of change and events are always written.
const GROUPS: [Group; 9] = [
    Group {
        columns: &["reason", "code", "details"],
        differs: |message| {
            encode::why(&message.before.standing.delivery) != encode::why(&message.after.standing.delivery)
        },
        add: |table, changed| {
            let whys = || changed.iter().map(|message| encode::why(&message.after.standing.delivery));
            table
                .opt_text("reason", whys().map(|why| why.0))
                .opt_int("code", whys().map(|why| why.1))
                .opt_text("details", whys().map(|why| why.2.map(|text| encode::storable(text.to_owned()))))
        },
    },
    Group {
        columns: &["attempt", "called_at", "counted_at", "whatsapp_attempt"],
        differs: |Changed { before, after, .. }| {
            before.standing.attempt != after.standing.attempt || before.calls != after.calls
        },
        add: |table, changed| {
            let calls = || changed.iter().map(|message| message.after.calls);
            table
                .int("attempt", changed.iter().map(|message| i64::from(message.after.standing.attempt)))
                .opt_int("called_at", calls().map(|calls| calls.called_at))
                .opt_int("counted_at", calls().map(|calls| calls.counted_at))
                .int("whatsapp_attempt", calls().map(|calls| i64::from(calls.whatsapp_attempt)))
        },
    },
    Group {
        columns: &["due_at"],
        differs: |Changed { before, after, .. }| before.standing.delivery.due_at() != after.standing.delivery.due_at(),
        add: |table, changed| {
            let due = changed.iter().map(|message| message.after.standing.delivery.due_at().map(millis));
            table.opt_int("due_at", due)
        },
    },
    Group {
        columns: &["whatsapp_id"],
        differs: |Changed { before, after, .. }| before.standing.whatsapp_id != after.standing.whatsapp_id,
        add: |table, changed| {
            let ids = changed.iter().map(|message| message.after.standing.whatsapp_id.as_ref().map(WhatsAppId::as_str));
            table.opt_text("whatsapp_id", ids)
        },
    },
    Group {
        columns: &["channel", "waits_used", "given_up"],
        differs: |Changed { before, after, .. }| {
            let of = |standing: &Standing| (standing.channel, standing.waits_used, standing.given_up);
            of(&before.standing) != of(&after.standing)
        },
        add: |table, changed| {
            let standings = || changed.iter().map(|message| &message.after.standing);
            table
                .text("channel", standings().map(|standing| Channel::name(standing.channel)))
                .int("waits_used", standings().map(|standing| i64::from(standing.waits_used)))
                .int("given_up", standings().map(|standing| i64::from(standing.given_up)))
        },
    },
    Group {
        columns: &["reserved_micros"],
        differs: |Changed { before, after, .. }| before.money.reserved_micros != after.money.reserved_micros,
        add: |table, changed| {
            table.int("reserved_micros", changed.iter().map(|message| message.after.money.reserved_micros))
        },
    },
    Group {
        columns: &["told"],
        differs: |Changed { before, after, .. }| before.money.told != after.money.told,
        add: |table, changed| {
            table.opt_text("told", changed.iter().map(|message| message.after.money.told.as_ref().map(encode::told)))
        },
    },
    Group {
        columns: &["cost_micros", "charged", "unsettled"],
        differs: |Changed { before, after, .. }| {
            let of = |money: &Money| (money.cost_micros, money.charged, money.unsettled);
            of(&before.money) != of(&after.money)
        },
        add: |table, changed| {
            let money = || changed.iter().map(|message| message.after.money);
            table
                .opt_int("cost_micros", money().map(|money| money.cost_micros))
                .int("charged", money().map(|money| money.charged))
                .int("unsettled", money().map(|money| money.unsettled))
        },
    },
    Group {
        columns: &["content"],
        differs: |message| message.freeze.is_some(),
        add: |table, changed| {
            let contents = changed.iter().map(|message| message.freeze.as_ref().map(encode::rendered));
            table.opt_text("content", contents)
        },
    },
];

/// Writes messages: one statement for those that come into the same state with the same columns changed.
pub(super) async fn write(db: &Db<'_, DatabaseTransaction>, changed: Vec<Changed>) -> Sql<()> {
    let mut alike: BTreeMap<(Vec<usize>, State), Vec<Changed>> = BTreeMap::new();
    for message in changed {
        let groups = (0..GROUPS.len()).filter(|group| (GROUPS[*group].differs)(&message)).collect();
        alike.entry((groups, message.state())).or_default().push(message);
    }
    for ((groups, state), mut changed) in alike {
        changed.sort_unstable_by_key(|message| message.id);
        let (sql, table) = update(&groups, &changed);
        db.run(&sql, args![state.name(), table]).await?;
    }
    Ok(())
}

fn update(groups: &[usize], changed: &[Changed]) -> (String, Table) {
    let mut sql = "UPDATE messages SET state = ?, changed_at = v.changed_at, n_events = v.n_events, \
                   events_seen = v.events_seen"
        .to_owned();
    let mut table = Table::new()
        .int("id", changed.iter().map(|message| message.id))
        .int("changed_at", changed.iter().map(|message| message.changed_at))
        .int("n_events", changed.iter().map(|message| message.n_events))
        .int("events_seen", changed.iter().map(|message| message.events_seen));
    for group in groups.iter().map(|group| &GROUPS[*group]) {
        table = (group.add)(table, changed);
        for column in group.columns {
            sql.push_str(&format!(", {column} = v.{column}"));
        }
    }
    sql.push_str(" FROM {} WHERE messages.id = v.id");
    (sql, table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Delivery;

    fn columns(delivery: Delivery, attempt: u16) -> Columns {
        let money = Money { told: None, cost_micros: None, charged: 0, unsettled: 0, reserved_micros: 0 };
        let calls = Calls { called_at: None, counted_at: None, whatsapp_attempt: attempt };
        Columns::new(Standing { delivery, attempt, ..Standing::planned() }, money, calls)
    }

    #[test]
    fn every_column_of_a_group_has_its_values() {
        let at = jiff::Timestamp::UNIX_EPOCH;
        let message = || Changed {
            id: 1,
            changed_at: 2,
            n_events: 3,
            events_seen: 4,
            before: columns(Delivery::Planned, 0),
            after: columns(Delivery::Calling { lease_until: at }, 1),
            freeze: None,
        };
        for (at, group) in GROUPS.iter().enumerate() {
            let (sql, table) = update(&[at], &[message(), message()]);
            let named: Vec<&str> = table.columns.iter().map(|(name, _)| *name).skip(4).collect();
            assert_eq!(named, group.columns);
            assert!(group.columns.iter().all(|column| sql.contains(&format!(", {column} = v.{column}"))));
        }
        let differing: Vec<_> =
            GROUPS.iter().filter(|group| (group.differs)(&message())).flat_map(|group| group.columns).collect();
        assert_eq!(differing, [&"attempt", &"called_at", &"counted_at", &"whatsapp_attempt", &"due_at"]);
    }
}
