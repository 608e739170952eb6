use proptest::prelude::*;

use super::*;

const ADDRESS: &str = "192.0.2.10:20000";

fn local() -> Local {
    Local::new(ADDRESS.parse().unwrap())
}

fn described(lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{}",
        lines.replace('\n', "\r\n")
    )
}

const ASTERISK: &str = "m=audio 14000 RTP/AVP 8 0 9 101\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:9 G722/8000\n\
    a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=maxptime:150\na=sendrecv\n";

#[test]
fn the_order_of_the_offerer_is_kept_unless_ours_is_to_win() {
    let (agreed, text) = answer(&described(ASTERISK), &local()).unwrap();
    assert_eq!(agreed.codec, Codec::Pcma);
    assert_eq!(agreed.remote, "198.51.100.7:14000".parse().unwrap());
    assert_eq!(agreed.sent, Sent { sound: 8, events: Some(101) });
    assert_eq!((agreed.packet_ms, agreed.held(), agreed.protection), (20, false, None));
    assert!(text.contains("m=audio 20000 RTP/AVP 8 101\r\n"), "{text}");
    assert!(text.contains("a=fmtp:101 0-16\r\n") && text.contains("a=sendrecv\r\n"), "{text}");
    assert!(text.contains("c=IN IP4 192.0.2.10\r\n"), "{text}");
    let (agreed, text) = answer(&described(ASTERISK), &Local { ours_first: true, ..local() }).unwrap();
    assert_eq!((agreed.codec, agreed.rate()), (Codec::G722, Rate::Wide));
    assert!(text.contains("a=rtpmap:9 G722/8000\r\n"), "the clock of G.722 is 8,000: {text}");
    let (agreed, _) = answer(&described(ASTERISK), &Local { codecs: vec![Codec::Pcmu], ..local() }).unwrap();
    assert_eq!(agreed.codec, Codec::Pcmu);
}

#[test]
fn formats_without_a_name_are_the_static_ones_and_dynamic_ones_have_their_number() {
    let (agreed, _) = answer(&described("m=audio 4000 RTP/AVP 18 0 13\n"), &local()).unwrap();
    assert_eq!((agreed.codec, agreed.sent), (Codec::Pcmu, Sent { sound: 0, events: None }));
    assert_eq!(agreed.received, [(0, Format::Sound(Codec::Pcmu)), (13, Format::Comfort)]);
    let dynamic = "m=audio 4000 RTP/AVP 111 107 96\na=rtpmap:111 opus/48000/2\na=rtpmap:107 pcma/8000/1\n\
        a=rtpmap:96 telephone-event/8000\n";
    let (agreed, text) = answer(&described(dynamic), &local()).unwrap();
    assert_eq!(agreed.sent, Sent { sound: 107, events: Some(96) });
    assert!(text.contains("m=audio 20000 RTP/AVP 107 96\r\na=rtpmap:107 PCMA/8000\r\n"), "{text}");
}

#[test]
fn hold_is_seen_in_every_way_of_saying_it() {
    let cases = [
        ("a=sendrecv", true, true, "sendrecv"),
        ("a=sendonly", false, true, "recvonly"),
        ("a=recvonly", true, false, "sendonly"),
        ("a=inactive", false, false, "inactive"),
        ("c=IN IP4 0.0.0.0", false, true, "recvonly"),
    ];
    for (line, send, receive, said) in cases {
        let (connection, attribute) =
            if line.starts_with("c=") { (line, "") } else { ("c=IN IP4 198.51.100.7", line) };
        let offer = described(&format!("m=audio 4000 RTP/AVP 8\n{connection}\n{attribute}\n"));
        let (agreed, text) = answer(&offer.replace("\r\n\r\n", "\r\n"), &local()).unwrap();
        assert_eq!(agreed.direction, Direction { send, receive }, "{line}");
        assert_eq!(agreed.held(), !send);
        assert!(text.contains(&format!("a={said}\r\n")), "{line}: {text}");
    }
    // On the session instead of the line.
    let offer = described("a=sendonly\nm=audio 4000 RTP/AVP 8\n");
    assert!(answer(&offer, &local()).unwrap().0.held());
}

#[test]
fn every_line_of_an_offer_is_answered_and_all_but_one_are_refused() {
    let offer = described(
        "m=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8\nm=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 0\n\
         m=image 6000 udptl t38\n",
    );
    let (agreed, text) = answer(&offer, &local()).unwrap();
    assert_eq!(agreed.remote.port(), 4_000);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 96",
            "m=audio 0 RTP/AVP 8",
            "m=audio 20000 RTP/AVP 8",
            "m=audio 0 RTP/AVP 0",
            "m=image 0 udptl t38"
        ]
    );
}

#[test]
fn packets_are_as_long_as_the_peer_wants_them() {
    for (said, packet_ms) in [
        ("a=ptime:30", 30),
        ("a=ptime:20\na=maxptime:10", 10),
        ("a=ptime:500", 60),
        ("a=ptime:0", 10),
        ("a=ptime:x", 20),
    ] {
        let (agreed, _) = answer(&described(&format!("m=audio 4000 RTP/AVP 8\n{said}\n")), &local()).unwrap();
        assert_eq!(agreed.packet_ms, packet_ms, "{said}");
    }
}

const KEY: &str = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

#[test]
fn keys_are_answered_by_ours() {
    let line = format!("a=crypto:3 AES_CM_128_HMAC_SHA1_32 {KEY}|2^20\n");
    for transport in ["RTP/SAVP", "RTP/AVP", "RTP/SAVPF"] {
        let offer = described(&format!(
            "m=audio 4000 {transport} 8\na=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA\n{line}"
        ));
        let local = local();
        let (agreed, text) = answer(&offer, &local).unwrap();
        let protection = agreed.protection.unwrap();
        assert_eq!(protection.suite, Suite::Tag32);
        assert_eq!(protection.theirs.key(), b"YS___semctl () {");
        assert_eq!(protection.ours, local.keys[1]);
        assert!(text.contains(&format!("m=audio 20000 {transport} 8\r\n")), "{text}");
        assert!(text.contains("a=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:"), "{text}");
        assert_ne!(
            answer(&offer, &self::local()).unwrap().0.protection.unwrap().ours,
            protection.ours,
            "a key per call"
        );
    }
}

#[test]
fn what_cannot_be_protected_as_it_must_be_is_refused() {
    let secure = described(&format!("m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"));
    let plain = described("m=audio 4000 RTP/AVP 8\n");
    let broken = described("m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=\n");
    let weak = described(&format!(
        "m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY} UNENCRYPTED_SRTP\n"
    ));
    let with = |security| Local { security, ..local() };
    assert!(answer(&secure, &with(Security::Required)).unwrap().0.protection.is_some());
    assert!(matches!(answer(&secure, &with(Security::Never)), Err(NoMedia::Security(_))));
    assert!(matches!(answer(&plain, &with(Security::Required)), Err(NoMedia::Security(_))));
    assert!(answer(&plain, &with(Security::Never)).unwrap().0.protection.is_none());
    assert!(matches!(answer(&broken, &local()), Err(NoMedia::Security(_))));
    assert!(matches!(answer(&weak, &local()), Err(NoMedia::Security(_))));
    let both = described(&format!(
        "m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
    ));
    let (agreed, text) = answer(&both, &local()).unwrap();
    assert_eq!(agreed.remote.port(), 4_002, "the protected one of two");
    assert!(text.contains("m=audio 0 RTP/AVP 8\r\n"), "{text}");
}

#[test]
fn reasons_say_what_is_wrong() {
    let refused = |lines: &str| answer(&described(lines), &local()).unwrap_err();
    assert_eq!(refused("m=audio 4000 RTP/AVP 18\n"), NoMedia::NoCodec);
    assert_eq!(refused("m=audio 4000 UDP/TLS/RTP/SAVPF 8\n"), NoMedia::NoAudio);
    assert_eq!(refused("m=audio 0 RTP/AVP 8\n"), NoMedia::NoAudio);
    assert_eq!(refused(""), NoMedia::NoAudio);
    assert_eq!(refused("m=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::1\n"), NoMedia::NoAddress);
    assert_eq!(refused("m=audio 4000 RTP/AVP 8\nc=IN IP4 pbx.example\n"), NoMedia::NoAddress);
    assert!(matches!(answer("hello", &local()), Err(NoMedia::Malformed(_))));
}

#[test]
fn an_offer_of_ours_is_understood_by_our_own_answers() {
    for security in [Security::Never, Security::Required] {
        let caller = Local { security, ..local() };
        let callee = Local {
            security: Security::Offered,
            codecs: vec![Codec::Pcma],
            ..Local::new("198.51.100.7:30000".parse().unwrap())
        };
        let offered = offer(&caller);
        let (theirs, answered) = answer(&offered, &callee).unwrap();
        let ours = accept(&offered, &answered, &caller).unwrap();
        assert_eq!((ours.codec, theirs.codec), (Codec::Pcma, Codec::Pcma));
        assert_eq!((ours.remote, theirs.remote), (callee.address, caller.address));
        assert_eq!(ours.sent, Sent { sound: 8, events: Some(101) });
        match (ours.protection, theirs.protection) {
            (None, None) => assert_eq!(security, Security::Never),
            (Some(ours), Some(theirs)) => {
                assert_eq!(
                    (ours.suite, &ours.ours, &ours.theirs),
                    (theirs.suite, &theirs.theirs, &theirs.ours)
                );
            }
            mixed => panic!("{mixed:?}"),
        }
    }
}

#[test]
fn an_answer_that_does_not_fit_our_offer_is_not_accepted() {
    let local = local();
    let offered = offer(&local);
    assert_eq!(accept(&offered, &described("m=audio 0 RTP/AVP 8\n"), &local), Err(NoMedia::NoAudio));
    assert_eq!(accept(&offered, &described("m=audio 4000 RTP/AVP 18\n"), &local), Err(NoMedia::NoCodec));
    let secure = described(&format!("m=audio 4000 RTP/SAVP 8\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\n"));
    assert!(matches!(accept(&offered, &secure, &local), Err(NoMedia::Security(_))));
    let required = Local { security: Security::Required, ..local };
    let wrong_tag = secure.replace("crypto:1", "crypto:2");
    assert!(matches!(accept(&offer(&required), &wrong_tag, &required), Err(NoMedia::Security(_))));
}

#[test]
fn keys_do_not_show() {
    let shown = format!("{:?}", local());
    assert!(shown.contains("keys: [MasterKey, MasterKey]"), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_answers_can_be_read(text in "(v=0\r\n)?(([a-z]=|a=rtpmap:|m=audio |a=crypto:)[ -~]{0,40}\r\n){0,12}") {
        if let Ok((_, answered)) = answer(&text, &local()) {
            prop_assert!(described::parse(&answered).is_ok());
        }
        let _ = accept(&offer(&local()), &text, &local());
    }
}
