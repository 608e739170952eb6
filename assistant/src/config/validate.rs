//! Checks of single values. Whether files and programs are there is `assistant check`'s business: a server must be able
//! to start without its voice, and say so.

use std::collections::HashSet;

use conversation::Channel;
use conversation::protocol::{MAX_AUDIO_SECONDS, MAX_TEXT_CHARACTERS};

use language::Language;

use super::{Configuration, Problem, VoiceEngine, VoiceEntry, VoiceKind};

/// The widest beam: time grows with it, and nothing is found any more beyond it.
const MOST_BEAM: u8 = 64;
/// The strongest bias: a keyword's words are then worth the most that a recogniser may be lent for them.
const MOST_BIAS: f32 = 4.0;

fn handing_over(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    if let Err(reason) = c.handoff.hours.validate() {
        must(false, "handoff.hours.time_zone", &reason);
    }
    must(
        c.handoff.offer_for.as_secs() >= 5,
        "handoff.offer_for",
        "must be at least 5s, or nobody can answer in time",
    );
    must(
        c.handoff.lost_after.as_secs() >= 45,
        "handoff.lost_after",
        "must be at least 45s: a page gives a sign of life every 20 s",
    );
    must(c.handoff.callback_attempts >= 1, "handoff.callback_attempts", "must be at least 1");
}

fn telling(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    let mut names = HashSet::new();
    for hook in &c.webhooks {
        let own = !hook.name.is_empty() && names.insert(&hook.name);
        must(own, "webhooks.name", "each receiver must have a name of its own");
        let address = hook.url.parse::<reqwest::Url>();
        let plain = address.as_ref().is_ok_and(|url| {
            url.scheme() == "https"
                || url.host_str().is_some_and(|host| ["localhost", "127.0.0.1"].contains(&host))
        });
        must(plain, "webhooks.url", "must be an https:// address (http:// only on this machine)");
        for kind in &hook.events {
            let known = conversation::EventBody::KINDS.contains(&kind.as_str());
            must(known, "webhooks.events", "knows no such event; docs/protocol.md lists them");
        }
    }
}

fn storing(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    let is_postgres = |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
    must(
        c.store.url.as_ref().is_none_or(is_postgres),
        "store.url",
        "must be a postgres:// address, such as postgres://drilen@db.example/drilen; without it a SQLite file in server.data is used",
    );
    must(
        c.store.password_file.is_none() || c.store.url.is_some(),
        "store.password_file",
        "is the password for store.url, which is not set",
    );
    let named = !c.node.name().is_empty() && !c.node.name().contains(':');
    must(named, "node.name", "must not be empty and must not contain a colon");
    must(
        (20..=1_000).contains(&c.node.look_every.as_millis()),
        "node.look_every",
        "must be between 20ms and 1s: so long a citizen and an agent on two nodes wait for each other's words",
    );
}

fn speaking(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    must((1..=64).contains(&c.voice.threads), "voice.threads", "must be between 1 and 64");
    must((0.4..=1.0).contains(&c.voice.slow_rate), "voice.slow_rate", "must be between 0.4 and 1.0");
    must((0.1..=2.0).contains(&c.voice.volume), "voice.volume", "must be between 0.1 and 2.0");
    must(c.voice.pitch <= 99, "voice.pitch", "must be between 0 and 99; 50 is usual");
    for language in Language::ALL {
        let voices = c.voice.of(language);
        must(
            voices.is_empty() || c.voice.engine != VoiceEngine::None,
            "voice.engine",
            &format!("is \"none\" (no spoken answers), but voice.{language} names voices"),
        );
        for (number, voice) in voices.iter().enumerate() {
            let mut wants = |ok: bool, name: &str, reason: &str| {
                must(ok, &format!("voice.{language}.{number}.{name}"), reason);
            };
            let within = |value: Option<f32>, low: f32, high: f32| {
                value.is_none_or(|value| (low..=high).contains(&value))
            };
            wants(within(voice.speed, 0.5, 2.0), "speed", "must be between 0.5 and 2.0");
            match voice.engine {
                VoiceKind::Vits => a_vits_voice(voice, within, &mut wants),
                VoiceKind::Espeak => an_espeak_voice(voice, within, &mut wants),
            }
        }
    }
}

fn a_vits_voice(
    voice: &VoiceEntry,
    within: impl Fn(Option<f32>, f32, f32) -> bool,
    wants: &mut impl FnMut(bool, &str, &str),
) {
    wants(voice.path.is_some(), "path", "is missing: the voice's .onnx file or its folder");
    wants(
        voice.pitch.is_none(),
        "pitch",
        "cannot be set: a VITS voice speaks as high as its speaker; leave it out, or take another speaker",
    );
    wants(
        voice.variant.is_none(),
        "variant",
        "is espeak-ng's; a VITS voice has speakers (speaker = 0, 1, …)",
    );
    wants(within(voice.volume, 0.1, 4.0), "volume", "must be between 0.1 and 4.0");
    wants(within(voice.noise_scale, 0.0, 2.0), "noise_scale", "must be between 0 and 2");
    wants(within(voice.noise_w, 0.0, 2.0), "noise_w", "must be between 0 and 2");
}

fn an_espeak_voice(
    voice: &VoiceEntry,
    within: impl Fn(Option<f32>, f32, f32) -> bool,
    wants: &mut impl FnMut(bool, &str, &str),
) {
    wants(voice.path.is_none(), "path", "is for VITS voices; espeak-ng's program is voice.program");
    wants(
        voice.speaker.is_none(),
        "speaker",
        "is for VITS voices; espeak-ng has variants (variant = \"f2\")",
    );
    wants(
        voice.noise_scale.is_none() && voice.noise_w.is_none(),
        "noise_scale",
        "and noise_w are for VITS voices",
    );
    wants(within(voice.volume, 0.1, 2.0), "volume", "must be between 0.1 and 2.0");
    wants(voice.pitch.is_none_or(|pitch| pitch <= 99), "pitch", "must be between 0 and 99; 50 is usual");
    let named = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    wants(
        voice.variant.as_ref().is_none_or(named),
        "variant",
        "must be the name of one of espeak-ng's voice variants, such as f2 or m3 (`espeak-ng --voices=variant`)",
    );
}

/// Everything wrong with the values of `c`; empty where it can be used.
pub(super) fn problems(c: &Configuration) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut must = |ok: bool, key: &str, reason: &str| {
        if !ok {
            found.push(Problem { key: key.to_owned(), reason: reason.to_owned() });
        }
    };
    must(
        (1..=MAX_TEXT_CHARACTERS).contains(&c.limits.text_characters),
        "limits.text_characters",
        "must be between 1 and 2000, which is what the protocol allows",
    );
    must(
        (1..=MAX_AUDIO_SECONDS).contains(&c.limits.audio_seconds),
        "limits.audio_seconds",
        "must be between 1 and 60 seconds, which is what the protocol allows",
    );
    handing_over(c, &mut must);
    storing(c, &mut must);
    telling(c, &mut must);
    must(c.limits.messages_per_minute >= 1, "limits.messages_per_minute", "must be at least 1");
    must(c.limits.starts_per_minute >= 1, "limits.starts_per_minute", "must be at least 1");
    must(c.limits.conversations_per_address >= 1, "limits.conversations_per_address", "must be at least 1");
    must(
        c.limits.voice_conversations <= 10_000,
        "limits.voice_conversations",
        "must be at most 10000 (0: no voice)",
    );
    must(
        c.limits.outgoing_messages >= 64,
        "limits.outgoing_messages",
        "must be at least 64, or an answer's sound does not fit",
    );
    must(
        c.limits.idle.as_secs() >= 5,
        "limits.idle",
        "must be at least 5s, or a phone that pings every 30 s is thrown out",
    );
    for language in Language::ALL {
        let (heard, key) = (c.hearing.of(language), |name: &str| format!("hearing.{language}.{name}"));
        let beam = (1..=MOST_BEAM).contains(&heard.beam);
        must(beam, &key("beam"), "must be between 1 (each moment's best class) and 64; 8 is usual");
        let bias = (0.0..=MOST_BIAS).contains(&heard.bias);
        must(bias, &key("bias"), "must be between 0 (nothing is expected) and 4; 1.0 is usual");
    }
    must((1..=64).contains(&c.hearing.threads), "hearing.threads", "must be between 1 and 64");
    speaking(c, &mut must);
    must((1..=64).contains(&c.understanding.threads), "understanding.threads", "must be between 1 and 64");
    must(
        c.understanding.tolerable_wrong > 0.0 && c.understanding.tolerable_wrong < 0.5,
        "understanding.tolerable_wrong",
        "must be a share above 0 and below 0.5 (0.02 is 2 %)",
    );
    if let Some(encoder) = &c.understanding.encoder {
        let threads = (1..=64).contains(&encoder.threads);
        must(threads, "understanding.encoder.threads", "must be between 1 and 64");
    }
    must(c.understanding.escalate_after >= 1, "understanding.escalate_after", "must be at least 1");
    must((1..=100).contains(&c.people.failures), "people.failures", "must be between 1 and 100");
    must(
        c.people.idle.as_secs() >= 300,
        "people.idle",
        "must be at least 5m: uses of a session are noted once a minute",
    );
    must(
        c.people.session_for >= c.people.idle && c.people.session_for.as_secs() <= 7 * 24 * 3600,
        "people.session_for",
        "must be at least people.idle and at most 7 days",
    );
    must(c.people.lock_for.as_secs() >= 60, "people.lock_for", "must be at least 1m");
    if let Some(oidc) = &c.people.oidc {
        let issuer = oidc.issuer.starts_with("https://") || is_on_this_machine(&oidc.issuer);
        must(issuer, "people.oidc.issuer", "must begin with https:// (http:// only on this machine)");
        must(!oidc.client_id.is_empty(), "people.oidc.client_id", "must not be empty");
        must(
            oidc.secret_file.is_none() || oidc.secret_env.is_none(),
            "people.oidc.secret_env",
            "is there beside people.oidc.secret_file; name one place for the secret",
        );
        must(!oidc.roles.is_empty(), "people.oidc.roles", "must name at least one value, or nobody gets in");
        must(!oidc.languages.is_empty(), "people.oidc.languages", "must name at least one language");
        let origin = oidc.origin.as_ref().or(c.server.public_origins.first());
        must(
            origin.is_some_and(|origin| is_origin(origin)),
            "people.oidc.origin",
            "must be the address at which people reach this server, https://host or https://host:port",
        );
    }
    talking(c, &mut must);
    origins(c, &mut must);
    must(
        c.portal.offline_entries == 0 || !c.portal.offline_for.is_zero(),
        "portal.offline_for",
        "must be longer than nothing; `portal.offline_entries = 0` keeps nothing on phones",
    );
    found
}

fn origins(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    let origins = [
        ("server.public_origins", &c.server.public_origins),
        ("server.embedding_origins", &c.server.embedding_origins),
    ];
    for (key, origin) in
        origins.into_iter().flat_map(|(key, all)| all.iter().map(move |origin| (key, origin)))
    {
        must(
            is_origin(origin),
            key,
            &format!("{origin:?} is not an origin; write https://host or https://host:port, without a path"),
        );
    }
}

fn talking(c: &Configuration, must: &mut impl FnMut(bool, &str, &str)) {
    for (channel, key) in [(Channel::Portal, "hearing.portal"), (Channel::Telephone, "hearing.telephone")] {
        if let Err(reason) = c.hearing.rules(channel).validate() {
            must(false, key, &reason);
        }
    }
    for (key, reason) in c.telephone.problems() {
        must(false, key, reason);
    }
}

fn is_on_this_machine(url: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start))
}

/// Whether `text` is `http(s)://host[:port]` and nothing more, which is how browsers write the `Origin` header.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|h| {
        !h.is_empty()
            && !h.contains(['/', '?', '#', '@', ' ', '*', ';', ',', '\'', '"'])
            && h.chars().all(|c| !c.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn an_origin_has_a_scheme_and_a_host_and_nothing_else() {
        assert!(is_origin("https://12345.example"));
        assert!(is_origin("http://10.0.0.7:8080"));
        for wrong in [
            "drilen.example",
            "https://",
            "https://a.example/",
            "https://A.example",
            "*",
            "https://*.example",
            "https://a.example; script-src *",
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }
}
