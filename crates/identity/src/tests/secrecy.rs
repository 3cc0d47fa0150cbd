//! What must not be shown is not shown.

use serde_json::json;

use super::accounts::{Owner, registrar, wanted};
use super::forge::*;
use crate::jwt::Jwt;
use crate::secret::Secret;
use crate::{Credentials, Door};

#[tokio::test]
async fn what_is_shown_of_a_value_has_no_secret() {
    let world = World::trusting(Vec::new());
    let made = registrar(&world).create(&wanted("server")).unwrap();
    world.door.look();
    let owner = Owner::of(&made);
    let bearer = owner.token(json!({}));
    let signature = bearer.rsplit('.').next().unwrap();
    let assertion = owner.token(json!({ "sub": null, "aud": "https://oauth2.googleapis.com/token" }));
    let given = world.door.exchange("urn:ietf:params:oauth:grant-type:jwt-bearer", &assertion).unwrap();
    let secret = Secret::beside(&world.path("register.json"));
    secret.existing().unwrap().unwrap();
    let secret_text = std::fs::read_to_string(world.path("register.secret")).unwrap();
    let private = owner.file["private_key"].as_str().unwrap();
    let line = private.lines().nth(3).unwrap();

    let authorization = format!("Bearer {bearer}");
    let credentials = Credentials::of(Some(&authorization));
    let refused = world.door.exchange("password", &assertion).unwrap_err();
    let shown = format!(
        "{made:?} {given:?} {credentials:?} {:?} {secret:?} {refused:?} {:?} {:?} {:?}",
        Jwt::read(&bearer),
        Door::development(world.host.clone()),
        world.admit(&bearer).await,
        world.admit(&format!("{bearer}x")).await,
    );
    for hidden in [given.access_token.as_str(), signature, line, secret_text.trim()] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.contains(owner.id()) && shown.contains("(hidden)"));
}
