//! Other channels, waits, reservations, suspensions and the generations of limits.

use crate::store::dialect::Dialect;

pub(super) fn statements(dialect: Dialect) -> Vec<String> {
    let (key, clustered) = (dialect.counted_key(), dialect.clustered());
    vec![
        "ALTER TABLE messages ADD COLUMN channel TEXT NOT NULL DEFAULT 'whatsapp'".to_owned(),
        "ALTER TABLE messages ADD COLUMN waits_used BIGINT NOT NULL DEFAULT 0".to_owned(),
        "ALTER TABLE messages ADD COLUMN given_up BIGINT NOT NULL DEFAULT 0".to_owned(),
        // What the attempt under way will cost if it is charged.
        "ALTER TABLE messages ADD COLUMN reserved_micros BIGINT NOT NULL DEFAULT 0".to_owned(),
        // Whether the arrival over WhatsApp was charged.
        "ALTER TABLE messages ADD COLUMN charged BIGINT NOT NULL DEFAULT 0".to_owned(),
        // When the newest attempt that counts toward the tier was called; null where it was refused.
        "ALTER TABLE messages ADD COLUMN counted_at BIGINT".to_owned(),
        // The last attempt that went over WhatsApp: those after it went over other channels.
        "ALTER TABLE messages ADD COLUMN whatsapp_attempt BIGINT NOT NULL DEFAULT 0".to_owned(),
        "UPDATE messages SET whatsapp_attempt = attempt WHERE attempt > 0".to_owned(),
        "UPDATE messages SET charged = 1 WHERE cost_micros IS NOT NULL".to_owned(),
        "CREATE INDEX messages_single ON messages (called_at) WHERE run_id IS NULL".to_owned(),
        format!(
            "CREATE TABLE run_counts_by_channel (
                run_id BIGINT NOT NULL,
                shard BIGINT NOT NULL,
                language TEXT NOT NULL,
                channel TEXT NOT NULL,
                state TEXT NOT NULL,
                reason TEXT NOT NULL,
                n BIGINT NOT NULL,
                PRIMARY KEY (run_id, shard, language, channel, state, reason)){clustered}"
        ),
        "INSERT INTO run_counts_by_channel (run_id, shard, language, channel, state, reason, n) \
         SELECT run_id, shard, language, 'whatsapp', state, reason, n FROM run_counts"
            .to_owned(),
        "DROP TABLE run_counts".to_owned(),
        "ALTER TABLE run_counts_by_channel RENAME TO run_counts".to_owned(),
        "ALTER TABLE run_costs ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0".to_owned(),
        // The slowest first callback of the messages called in that minute, in milliseconds after the call.
        "ALTER TABLE heard ADD COLUMN slowest BIGINT NOT NULL DEFAULT 0".to_owned(),
        format!(
            "CREATE TABLE suspensions (
                id {key},
                scope TEXT NOT NULL,
                value TEXT NOT NULL,
                cause TEXT NOT NULL,
                code BIGINT,
                words TEXT NOT NULL,
                since BIGINT NOT NULL,
                until BIGINT,
                probe TEXT NOT NULL,
                probe_at BIGINT,
                released_at BIGINT)"
        ),
        "CREATE INDEX suspensions_in_force ON suspensions (id) WHERE released_at IS NULL".to_owned(),
        "CREATE TABLE limit_generations (portfolio TEXT NOT NULL PRIMARY KEY, generation BIGINT NOT NULL)".to_owned(),
    ]
}
