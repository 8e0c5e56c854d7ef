//! Whether an account's callbacks are sent, and to which address.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/override, checked 2026-11-22.

use std::sync::{Arc, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::simulator::graph_error::GraphError;
use crate::simulator::server::Incoming;
use crate::simulator::webhook;
use crate::simulator::world::World;

/// `GET`, `POST` and `DELETE` of `/{waba-id}/subscribed_apps`.
pub(in crate::simulator) async fn subscribed_apps(
    world: &World,
    id: &str,
    incoming: &Incoming,
) -> Result<Value, GraphError> {
    #[derive(Debug, Default, Deserialize)]
    struct Override {
        override_callback_uri: Option<String>,
        verify_token: Option<String>,
    }
    let account = world.account(id).ok_or_else(|| GraphError::unknown_object(incoming.method.as_str(), id))?;
    let subscription = || account.subscription.write().unwrap_or_else(PoisonError::into_inner);
    match incoming.method.as_str() {
        "GET" => {
            let now = subscription().clone();
            let app = json!({"id": world.settings.app_id, "link": "https://example.org", "name": "Simulated sender"});
            let mut entry = json!({"whatsapp_business_api_data": app});
            if let Some(url) = &now.override_url {
                entry["override_callback_uri"] = json!(url.as_ref());
            }
            Ok(json!({"data": if now.subscribed { vec![entry] } else { Vec::new() }}))
        }
        "POST" => {
            let wish: Override = if incoming.body.is_empty() {
                Override::default()
            } else {
                serde_json::from_slice(&incoming.body)
                    .map_err(|error| GraphError::invalid(format!("Invalid parameter: {error}")))?
            };
            if let Some(url) = &wish.override_callback_uri {
                let token = wish.verify_token.as_deref().unwrap_or_default();
                webhook::verify(world, url, token).await.map_err(|why| GraphError::new(2200, why))?;
            }
            let mut now = subscription();
            now.subscribed = true;
            now.override_url = wish.override_callback_uri.map(Arc::from);
            Ok(json!({"success": true}))
        }
        _ => {
            subscription().subscribed = false;
            Ok(json!({"success": true}))
        }
    }
}
