//! What messages cost: a row for each arrival that was charged, sums by day, and what is used of the budgets of the installation.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let clustered = dialect.clustered();
    vec![
        // What callbacks say of the price of the newest attempt; `billable` was all that was kept of it.
        "ALTER TABLE messages ADD COLUMN told TEXT".to_owned(),
        "UPDATE messages SET told = CAST(whatsapp_attempt AS TEXT) || CASE billable WHEN 1 THEN ' sent charged -' ELSE ' sent told -' END \
         WHERE billable IS NOT NULL AND whatsapp_attempt > 0"
            .to_owned(),
        "ALTER TABLE messages DROP COLUMN billable".to_owned(),
        // One bit for each attempt: whether it was charged, and whether that was before a callback told its price with its arrival, so that
        // one may still put it right.
        "UPDATE messages SET charged = CAST(1 AS BIGINT) << CAST(whatsapp_attempt - 1 AS INTEGER) \
         WHERE charged = 1 AND whatsapp_attempt BETWEEN 2 AND 62"
            .to_owned(),
        "ALTER TABLE messages ADD COLUMN unsettled BIGINT NOT NULL DEFAULT 0".to_owned(),
        // One row for each attempt that arrived (other channels: that was taken). `free`: why it costs nothing; empty where it is charged.
        format!(
            "CREATE TABLE charges (
                message_id BIGINT NOT NULL,
                attempt BIGINT NOT NULL,
                at BIGINT NOT NULL,
                channel TEXT NOT NULL,
                country TEXT NOT NULL,
                market TEXT NOT NULL,
                category TEXT NOT NULL,
                micros BIGINT NOT NULL,
                estimated_micros BIGINT NOT NULL,
                currency TEXT NOT NULL,
                basis TEXT NOT NULL,
                source TEXT NOT NULL,
                free TEXT NOT NULL,
                difference TEXT NOT NULL,
                PRIMARY KEY (message_id, attempt)){clustered}"
        ),
        // The same summed up by differences, so that no report looks at messages. `day` counts from 1970-01-01, where the account is.
        format!(
            "CREATE TABLE cost_days (
                day BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                campaign TEXT NOT NULL,
                channel TEXT NOT NULL,
                country TEXT NOT NULL,
                category TEXT NOT NULL,
                language TEXT NOT NULL,
                currency TEXT NOT NULL,
                basis TEXT NOT NULL,
                source TEXT NOT NULL,
                free TEXT NOT NULL,
                difference TEXT NOT NULL,
                n BIGINT NOT NULL,
                micros BIGINT NOT NULL,
                estimated_micros BIGINT NOT NULL,
                PRIMARY KEY (day, shard, campaign, channel, country, category, language, currency, basis, source, free, \
                difference)){clustered}"
        ),
        // Messages by the day of their newest call, the channel over which it went and what became of them.
        format!(
            "CREATE TABLE call_days (
                day BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                campaign TEXT NOT NULL,
                channel TEXT NOT NULL,
                language TEXT NOT NULL,
                called BIGINT NOT NULL,
                delivered BIGINT NOT NULL,
                read BIGINT NOT NULL,
                failed BIGINT NOT NULL,
                PRIMARY KEY (day, shard, campaign, channel, language)){clustered}"
        ),
        // What is used of the budgets of the whole installation, by the day of the call: a message counts on the day on which it was let go,
        // whenever it arrives.
        format!(
            "CREATE TABLE budget_days (
                day BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                micros BIGINT NOT NULL,
                reserved BIGINT NOT NULL,
                PRIMARY KEY (day, shard)){clustered}"
        ),
        // How many messages of a market (or of one of our numbers) there were in a month, where a price depends on it. One row each, whoever
        // writes: the next message's price is read from it.
        format!(
            "CREATE TABLE price_volumes (
                month BIGINT NOT NULL,
                scope TEXT NOT NULL,
                category TEXT NOT NULL,
                n BIGINT NOT NULL,
                PRIMARY KEY (month, scope, category)){clustered}"
        ),
        // How fast and how often people answer is asked by the time of the answer.
        "CREATE INDEX feedback_answering ON feedback (received_at) WHERE message_id IS NOT NULL".to_owned(),
    ]
}
