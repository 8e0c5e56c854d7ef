//! E-mail over SMTP.

pub mod replies;
