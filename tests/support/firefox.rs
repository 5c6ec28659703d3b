//! What Firefox is asked for.

use std::net::TcpStream;

use serde_json::{Value, json};
use thirtyfour::common::capabilities::firefox::{FirefoxCapabilities, FirefoxPreferences};
use thirtyfour::{CapabilitiesHelper, DesiredCapabilities, WebDriver};
use tungstenite::Message;

/// What a call needs in a machine without camera and network.
const SETTINGS: [(&str, bool); 4] = [
    ("media.navigator.streams.fake", true),
    ("media.navigator.permission.disabled", true),
    ("media.peerconnection.ice.loopback", true),
    ("media.peerconnection.ice.obfuscate_host_addresses", false),
];

/// Without a permission that stays, a page learns of the way to the internet alone, and of loopback
/// nothing.
const ALLOWED: [&str; 2] = [
    "permissions.default.camera",
    "permissions.default.microphone",
];

/// A Firefox without a screen; geckodriver gives it a fresh profile.
pub(super) fn wanted() -> FirefoxCapabilities {
    let mut wanted = DesiredCapabilities::firefox();
    let mut preferences = FirefoxPreferences::new();
    for (name, value) in SETTINGS {
        preferences.set(name, value).expect("a setting");
    }
    for name in ALLOWED {
        preferences.set(name, 1).expect("a setting");
    }
    wanted.set_preferences(preferences).expect("settings");
    wanted.add_arg("-headless").expect("flags are text");
    wanted.add_arg("--width=1280").expect("flags are text");
    wanted.add_arg("--height=800").expect("flags are text");
    wanted.enable_bidi().expect("a flag");
    wanted
}

/// Has a script run before those of each page: WebDriver BiDi, `script.addPreloadScript`.
pub(super) fn preload(web: &WebDriver, script: &str) {
    let url = web.capabilities().get("webSocketUrl");
    let url = url.and_then(Value::as_str);
    let url = url.expect("Firefox speaks WebDriver BiDi");
    let host = url
        .strip_prefix("ws://")
        .and_then(|url| url.split('/').next());
    let stream = TcpStream::connect(host.expect("an address")).expect("Firefox listens");
    let (mut socket, _) = tungstenite::client(url, stream).expect("Firefox speaks WebSocket");
    let command = json!({
        "id": 1,
        "method": "script.addPreloadScript",
        "params": { "functionDeclaration": format!("() => {{ {script} }}") },
    });
    let command = Message::text(command.to_string());
    socket.send(command).expect("Firefox listens");
    loop {
        let message = socket.read().expect("Firefox answers");
        let answer: Value = serde_json::from_slice(&message.into_data()).unwrap_or_default();
        if answer["id"] == 1 {
            assert_eq!(answer["type"], "success", "{answer}");
            return;
        }
    }
}
