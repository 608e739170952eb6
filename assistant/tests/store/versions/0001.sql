-- A database as version 1 of the schema left it: dumped by Python's sqlite3 from what the program of that version wrote
-- (four conversations: one waits, one has an agent, one is closed, one is with the assistant). All texts are made up.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'conversations and agents','2026-11-30 04:55:54',1,X'196B7DB7E19BD66D61C1B9AA6F6D7C1FA76DA7E10ED5946FB88DA4B8F7ED194FD9D42A94C80E51B174090C0C0425F447',661613);
CREATE TABLE agent_sessions (
    token_hash    BLOB    PRIMARY KEY,
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE agents (
    id            TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    -- JSON array of language codes
    languages     TEXT    NOT NULL,
    -- PHC string
    password_hash TEXT    NOT NULL,
    failed_logins INTEGER NOT NULL DEFAULT 0,
    locked_until  INTEGER,
    last_seen_at  INTEGER NOT NULL
) STRICT;
INSERT INTO "agents" VALUES('3552635e-2b9e-4f55-b073-6262c04d43be','agent','["bo","zh"]','$argon2id$v=19$not-a-hash',0,NULL,1796014569311);
CREATE TABLE client_messages (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- The first event it made, where it made one.
    seq           INTEGER,
    PRIMARY KEY (conversation, sender, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "client_messages" VALUES('3283f480-c933-4474-bbf1-8a5162898df8','citizen','m6',2);
INSERT INTO "client_messages" VALUES('3283f480-c933-4474-bbf1-8a5162898df8','citizen','m7',4);
INSERT INTO "client_messages" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4','3552635e-2b9e-4f55-b073-6262c04d43be','1',6);
INSERT INTO "client_messages" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4','citizen','m4',2);
INSERT INTO "client_messages" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4','citizen','m5',4);
INSERT INTO "client_messages" VALUES('a922152e-ed89-4b13-8c1c-9fbad288b76b','citizen','m8',2);
INSERT INTO "client_messages" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d','citizen','m1',2);
INSERT INTO "client_messages" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d','citizen','m2',4);
INSERT INTO "client_messages" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d','citizen','m3',6);
CREATE TABLE conversations (
    id            TEXT    PRIMARY KEY,
    -- SHA-256 of the citizen's token; the token itself is never stored.
    token_hash    BLOB    NOT NULL UNIQUE,
    -- bot, queued, assigned, closed
    status        TEXT    NOT NULL,
    last_seq      INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    -- The whole projection as JSON. The columns here repeat what queries look for.
    state         TEXT    NOT NULL,
    -- Order in the queue: given by escalation, kept until the conversation leaves the people's hands, so that one
    -- that comes back stands where it stood.
    queue_number  INTEGER,
    holder        TEXT,
    claimed_at    INTEGER
) STRICT;
INSERT INTO "conversations" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',X'683D2FAB767F940B606AC80DC11FAE0955D58E0A4AB94E1140A7ED49F64EBB48','queued',6,1796014569231,'{"conversation":"f57c5a4b-8488-4735-b996-b734f0b2c35d","language":"bo","channel":"portal","started_at":"2026-11-30T04:56:09.143Z","voice":false,"handoff":{"status":"queued","ticket":{"escalation":"26043e5e-b644-44ae-bc30-bf9c185885d0","reason":"asked","since":"2026-11-30T04:56:09.231Z"}},"last_seq":6,"last_at":"2026-11-30T04:56:09.231Z","pending_clarify":null,"last_answer":{"seq":3,"entry":"idcard-lost","language":"bo"},"last_citizen_message":"ངའི་ཁ་པར་ 13912345678 ཡིན།","failures":0,"narrowed":false,"place":null,"place_asked":false,"groups":[],"beginning":null}',1,NULL,NULL);
INSERT INTO "conversations" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',X'A18594111C6AE00DB52DF364D629D002FCF3D5C237144E1F0ECB8D50B24981C5','assigned',6,1796014569311,'{"conversation":"87df032e-51a3-4ab7-9f42-da5f9fd098c4","language":"zh","channel":"portal","started_at":"2026-11-30T04:56:09.232Z","voice":false,"handoff":{"status":"assigned","ticket":{"escalation":"bd498c1d-8391-4558-ad9b-70bacb8216b4","reason":"asked","since":"2026-11-30T04:56:09.275Z"},"holder":{"id":"3552635e-2b9e-4f55-b073-6262c04d43be","name":"agent","claimed_at":"2026-11-30T04:56:09.309Z"}},"last_seq":6,"last_at":"2026-11-30T04:56:09.311Z","pending_clarify":null,"last_answer":{"seq":3,"entry":"idcard-lost","language":"zh"},"last_citizen_message":"身份证丢了怎么补办","failures":0,"narrowed":false,"place":null,"place_asked":false,"groups":[],"beginning":null}',2,'3552635e-2b9e-4f55-b073-6262c04d43be',1796014569309);
INSERT INTO "conversations" VALUES('3283f480-c933-4474-bbf1-8a5162898df8',X'623B72919153633DA88B492F41FA25B874FCDB5DCCBBF86FDD0B51397A9CFFD5','closed',4,1796014569363,'{"conversation":"3283f480-c933-4474-bbf1-8a5162898df8","language":"zh","channel":"portal","started_at":"2026-11-30T04:56:09.320Z","voice":false,"handoff":{"status":"closed","by":"citizen"},"last_seq":4,"last_at":"2026-11-30T04:56:09.363Z","pending_clarify":null,"last_answer":null,"last_citizen_message":"养老金每个月什么时候发，我的卡号6222021234567890128","failures":0,"narrowed":false,"place":null,"place_asked":false,"groups":[],"beginning":null}',NULL,NULL,NULL);
INSERT INTO "conversations" VALUES('a922152e-ed89-4b13-8c1c-9fbad288b76b',X'F34EA3691B4F417781C6C1B556C8CC3BFC86F860F02979B42AAE81BAA20A4B5E','bot',3,1796014569410,'{"conversation":"a922152e-ed89-4b13-8c1c-9fbad288b76b","language":"bo","channel":"portal","started_at":"2026-11-30T04:56:09.408Z","voice":false,"handoff":{"status":"bot"},"last_seq":3,"last_at":"2026-11-30T04:56:09.410Z","pending_clarify":{"seq":3,"reply_to":2,"choices":[{"entry":"medins-enroll","question":"གྲོང་གསེབ་དང་གྲོང་ཁྱེར་སྡོད་དམངས་ཀྱི་སྨན་བཅོས་འགན་སྲུང་དངུལ་གང་འདྲ་སྤྲོད་དགོས་རེད།"},{"entry":"medins-newborn","question":"ཕྲུ་གུ་གསར་སྐྱེས་སྨན་བཅོས་འགན་སྲུང་ནང་གང་འདྲ་འཇུག་དགོས་རེད།"},{"entry":"medins-check","question":"ངའི་སྨན་བཅོས་འགན་སྲུང་དངུལ་སྤྲད་ཡོད་མེད་གང་འདྲ་བལྟ་དགོས་རེད།"}],"confirm":false,"kind":"entry","about":null,"considered":[{"entry":"medins-enroll","question":"གྲོང་གསེབ་དང་གྲོང་ཁྱེར་སྡོད་དམངས་ཀྱི་སྨན་བཅོས་འགན་སྲུང་དངུལ་གང་འདྲ་སྤྲོད་དགོས་རེད།","confidence":0.35944477},{"entry":"medins-newborn","question":"ཕྲུ་གུ་གསར་སྐྱེས་སྨན་བཅོས་འགན་སྲུང་ནང་གང་འདྲ་འཇུག་དགོས་རེད།","confidence":0.2599392},{"entry":"medins-check","question":"ངའི་སྨན་བཅོས་འགན་སྲུང་དངུལ་སྤྲད་ཡོད་མེད་གང་འདྲ་བལྟ་དགོས་རེད།","confidence":0.13965175},{"entry":"medins-transfer","question":"ལས་ཀ་བརྗེས་པའམ་ས་ཆ་སྤོས་ན་སྨན་བཅོས་འགན་སྲུང་གང་འདྲ་སྤོ་དགོས་རེད།","confidence":0.08739349},{"entry":"medins-ecode","question":"医保码གང་འདྲ་ཁ་ཕྱེ་ནས་བེད་སྤྱོད་བྱེད་དགོས་རེད།","confidence":0.029551348}],"declined":[]},"last_answer":null,"last_citizen_message":"གསོ་བ་སྨན་བཅོས་འགན་སྲུང་","failures":0,"narrowed":false,"place":null,"place_asked":false,"groups":[],"beginning":null}',NULL,NULL,NULL);
CREATE TABLE events (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "events" VALUES('3283f480-c933-4474-bbf1-8a5162898df8',1,1796014569320,'{"type":"started","conversation":"3283f480-c933-4474-bbf1-8a5162898df8","language":"zh","channel":"portal"}');
INSERT INTO "events" VALUES('3283f480-c933-4474-bbf1-8a5162898df8',2,1796014569321,'{"type":"citizen_message","id":"m6","text":"养老金每个月什么时候发，我的卡号6222021234567890128","source":"text","language":"zh","dictation":true}');
INSERT INTO "events" VALUES('3283f480-c933-4474-bbf1-8a5162898df8',3,1796014569322,'{"type":"clarify","reply_to":2,"prompt":"您是想问：城乡居民养老金怎么领？ 对吗？","choices":[{"entry":"pension-resident","question":"城乡居民养老金怎么领？"}],"confirm":true,"considered":[{"entry":"pension-resident","question":"城乡居民养老金怎么领？","confidence":0.9292302},{"entry":"pension-verify","question":"养老金领取资格认证怎么做？","confidence":0.0430272},{"entry":"funeral-grant","question":"家人去世的丧葬补助怎么领？","confidence":0.0059005953},{"entry":"retire-employee","question":"企业职工退休手续怎么办？","confidence":0.0056153405},{"entry":"elderly-allowance","question":"高龄老人津贴怎么领？","confidence":0.0027167443}],"provenance":{"answer_threshold":0.94955206,"clarify_threshold":0.2,"knowledge_base":"5398ca8fd5a3717f03d7968cb9c52e2626cd83a07785ee2ba68d9106c008cd24","models":[]}}');
INSERT INTO "events" VALUES('3283f480-c933-4474-bbf1-8a5162898df8',4,1796014569363,'{"type":"closed","by":"citizen","text":"本次对话已结束，感谢您的咨询。"}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',1,1796014569232,'{"type":"started","conversation":"87df032e-51a3-4ab7-9f42-da5f9fd098c4","language":"zh","channel":"portal"}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',2,1796014569234,'{"type":"citizen_message","id":"m4","text":"身份证丢了怎么补办","source":"text","language":"zh","dictation":true}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',3,1796014569235,'{"type":"answer","reply_to":2,"entry":"idcard-lost","revision":"08d5069a93144a71","language":"zh","question":"身份证丢了怎么补办？","text":"发现丢失后，请尽快到就近派出所挂失并申请补领，避免被人冒用。\n工本费 40 元（示例），约 20 个工作日（示例）领证。等证期间急用，可以同时申请临时身份证。","spoken":"身份证丢了，请先到派出所挂失，再申请补领。带上户口本就可以，工本费 40 元，这是示例数据。","steps":["到派出所登记挂失","填写补领申请，采集照片和指纹","交费，领取回执"],"documents":["户口本"],"links":[],"office":"就近派出所户籍窗口（示例）","confidence":0.999,"sample":true,"awaiting_review":false,"considered":[{"entry":"idcard-lost","question":"身份证丢了怎么补办？","confidence":0.999},{"entry":"marriage-cert-replace","question":"结婚证丢了怎么补领？","confidence":0.00081375754},{"entry":"driving-licence-lost","question":"驾驶证丢了怎么补？","confidence":0.00007839585},{"entry":"hukou-book-lost","question":"户口本丢了怎么补？","confidence":0.000034044235},{"entry":"plate-lost","question":"车牌丢了怎么补？","confidence":0.000021260843}],"provenance":{"answer_threshold":0.94955206,"clarify_threshold":0.2,"knowledge_base":"5398ca8fd5a3717f03d7968cb9c52e2626cd83a07785ee2ba68d9106c008cd24","models":[]}}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',4,1796014569275,'{"type":"escalated","reason":"asked","position":2,"text":"好的，正在为您转接工作人员。您排在第2位，请稍候。","escalation":"bd498c1d-8391-4558-ad9b-70bacb8216b4"}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',5,1796014569309,'{"type":"agent_joined","agent":{"id":"3552635e-2b9e-4f55-b073-6262c04d43be","name":"agent"},"text":"工作人员agent已接入，为您服务。"}');
INSERT INTO "events" VALUES('87df032e-51a3-4ab7-9f42-da5f9fd098c4',6,1796014569311,'{"type":"agent_message","agent":{"id":"3552635e-2b9e-4f55-b073-6262c04d43be","name":"agent"},"text":"您好，请带户口簿到窗口 བཀྲ་ཤིས་བདེ་ལེགས།","language":"zh"}');
INSERT INTO "events" VALUES('a922152e-ed89-4b13-8c1c-9fbad288b76b',1,1796014569408,'{"type":"started","conversation":"a922152e-ed89-4b13-8c1c-9fbad288b76b","language":"bo","channel":"portal"}');
INSERT INTO "events" VALUES('a922152e-ed89-4b13-8c1c-9fbad288b76b',2,1796014569409,'{"type":"citizen_message","id":"m8","text":"གསོ་བ་སྨན་བཅོས་འགན་སྲུང་","source":"text","language":"bo","dictation":true}');
INSERT INTO "events" VALUES('a922152e-ed89-4b13-8c1c-9fbad288b76b',3,1796014569410,'{"type":"clarify","reply_to":2,"prompt":"ཁྱེད་རང་གིས་གཤམ་གསལ་ནང་ནས་ག་རེ་དྲི་བ་ཡིན་ནམ། ཨང་ག་ཚོད་པ་ཡིན་པ་གསུང་རོགས་གནང་། གང་ཡང་མིན་ན་“མ་རེད”་གསུང་རོགས་གནང་།","choices":[{"entry":"medins-enroll","question":"གྲོང་གསེབ་དང་གྲོང་ཁྱེར་སྡོད་དམངས་ཀྱི་སྨན་བཅོས་འགན་སྲུང་དངུལ་གང་འདྲ་སྤྲོད་དགོས་རེད།"},{"entry":"medins-newborn","question":"ཕྲུ་གུ་གསར་སྐྱེས་སྨན་བཅོས་འགན་སྲུང་ནང་གང་འདྲ་འཇུག་དགོས་རེད།"},{"entry":"medins-check","question":"ངའི་སྨན་བཅོས་འགན་སྲུང་དངུལ་སྤྲད་ཡོད་མེད་གང་འདྲ་བལྟ་དགོས་རེད།"}],"confirm":false,"considered":[{"entry":"medins-enroll","question":"གྲོང་གསེབ་དང་གྲོང་ཁྱེར་སྡོད་དམངས་ཀྱི་སྨན་བཅོས་འགན་སྲུང་དངུལ་གང་འདྲ་སྤྲོད་དགོས་རེད།","confidence":0.35944477},{"entry":"medins-newborn","question":"ཕྲུ་གུ་གསར་སྐྱེས་སྨན་བཅོས་འགན་སྲུང་ནང་གང་འདྲ་འཇུག་དགོས་རེད།","confidence":0.2599392},{"entry":"medins-check","question":"ངའི་སྨན་བཅོས་འགན་སྲུང་དངུལ་སྤྲད་ཡོད་མེད་གང་འདྲ་བལྟ་དགོས་རེད།","confidence":0.13965175},{"entry":"medins-transfer","question":"ལས་ཀ་བརྗེས་པའམ་ས་ཆ་སྤོས་ན་སྨན་བཅོས་འགན་སྲུང་གང་འདྲ་སྤོ་དགོས་རེད།","confidence":0.08739349},{"entry":"medins-ecode","question":"医保码གང་འདྲ་ཁ་ཕྱེ་ནས་བེད་སྤྱོད་བྱེད་དགོས་རེད།","confidence":0.029551348}],"provenance":{"answer_threshold":0.8437162,"clarify_threshold":0.2,"knowledge_base":"5398ca8fd5a3717f03d7968cb9c52e2626cd83a07785ee2ba68d9106c008cd24","models":[]}}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',1,1796014569143,'{"type":"started","conversation":"f57c5a4b-8488-4735-b996-b734f0b2c35d","language":"bo","channel":"portal"}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',2,1796014569144,'{"type":"citizen_message","id":"m1","text":"ཐོབ་ཐང་ལག་ཁྱེར་བརླགས་ན་ག་རེ་བྱེད་དགོས།","source":"text","language":"bo","dictation":true}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',3,1796014569147,'{"type":"answer","reply_to":2,"entry":"idcard-lost","revision":"08d5069a93144a71","language":"bo","question":"ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་གང་འདྲ་བསྐྱར་བཟོ་བྱེད་དགོས་རེད།","text":"བརླགས་པ་ཤེས་མ་ཐག་ཉེ་འགྲམ་གྱི་མངགས་གཏོང་སར་ཐོ་འགོད་བྱས་ནས་བསྐྱར་བཟོ་ཞུ་དགོས། དེ་ལྟར་བྱས་ན་མི་གཞན་གྱིས་བེད་སྤྱོད་བྱེད་མི་ཐུབ།\nབཟོ་གླ་སྒོར་༤༠（དཔེ་མཚོན）དང་ལས་ཀའི་ཉིན་གྲངས་༢༠（དཔེ་མཚོན）འགོར་གྱི་རེད། བར་དེར་དགོས་མཁོ་ཡོད་ན་གནས་སྐབས་ཐོབ་ཐང་ལག་འཁྱེར་ཞུ་ཆོག","spoken":"ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་སྔོན་ལ་མངགས་གཏོང་སར་ཐོ་འགོད་བྱེད་དགོས་རེད། དེ་ནས་ཐེམ་ཐོའི་དེབ་འཁྱེར་ནས་བསྐྱར་བཟོ་ཞུ་ཆོག བཟོ་གླ་སྒོར་༤༠རེད། འདི་དཔེ་མཚོན་ཙམ་རེད།","steps":["མངགས་གཏོང་སར་བརླགས་ཐོ་འགོད་པ།","ཞུ་ཤོག་བཀང་ནས་འདྲ་པར་དང་མཛུབ་རིས་བླང་བ།","དངུལ་སྤྲད་ནས་བྱུང་འཛིན་ལེན་པ།"],"documents":["ཐེམ་ཐོའི་དེབ།"],"links":[],"office":"ཉེ་འགྲམ་གྱི་མངགས་གཏོང་སའི་ཐེམ་ཐོའི་སྒེའུ་ཁུང་།（དཔེ་མཚོན）","confidence":0.97919583,"sample":true,"awaiting_review":true,"considered":[{"entry":"idcard-lost","question":"ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་ན་གང་འདྲ་བསྐྱར་བཟོ་བྱེད་དགོས་རེད།","confidence":0.97919583},{"entry":"idcard-renew","question":"ཐོབ་ཐང་ལག་འཁྱེར་དུས་ཚོད་ཡོལ་ན་གང་འདྲ་བརྗེ་དགོས་རེད།","confidence":0.007755064},{"entry":"degree-verify","question":"སློབ་ཐོན་དཔང་ཡིག་བདེན་དཔང་གང་འདྲ་བྱེད་དགོས་རེད་བརླགས་ན་ག་རེ་བྱེད་དགོས།","confidence":0.002152056},{"entry":"idcard-child-first","question":"ཕྲུ་གུར་ཐོབ་ཐང་ལག་འཁྱེར་ཐེངས་དང་པོ་བཟོ་ན་ག་རེ་དགོས་རེད།","confidence":0.0017192838},{"entry":"idcard-temporary","question":"གནས་སྐབས་ཐོབ་ཐང་ལག་འཁྱེར་བཟོ་ཆོག་གི་རེད་པས།","confidence":0.0014662457}],"provenance":{"answer_threshold":0.8437162,"clarify_threshold":0.2,"knowledge_base":"5398ca8fd5a3717f03d7968cb9c52e2626cd83a07785ee2ba68d9106c008cd24","models":[]}}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',4,1796014569188,'{"type":"citizen_message","id":"m2","text":"ངའི་ཁ་པར་ 13912345678 ཡིན།","source":"text","language":"bo","dictation":true}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',5,1796014569189,'{"type":"say","reply_to":4,"text":"དགོངས་དག ང་ལ་ཧ་གོ་མ་སོང་། གསུང་ཚུལ་གཞན་ཞིག་གིས་གསུང་རོགས་གནང་། ཡང་ན་“མི་དང་སྐད་ཆ་བཤད་འདོད”་གསུང་རོགས་གནང་།","act":"not_understood","considered":[{"entry":"complaint-12345","question":"ཞུ་གཏུག་དང་བསམ་འཆར་གང་འདྲ་འདོན་དགོས་རེད།","confidence":0.14208616},{"entry":"app-download","question":"ལས་དོན་སྒྲུབ་པའི་མཉེན་ཆས་ཁ་པར་ནང་ག་ནས་ཕབ་ལེན་བྱེད་དགོས་རེད།","confidence":0.09937449},{"entry":"broadband","question":"འབྲོག་ས་ལ་དྲ་རྒྱ་གང་འདྲ་འདྲེན་དགོས་རེད་བརྡ་རྟགས་མེད་ན་སུ་ལ་ལབ་དགོས།","confidence":0.072166905},{"entry":"electronic-licence","question":"གློག་རྡུལ་ལག་འཁྱེར་གང་འདྲ་ལེན་དགོས་རེད།","confidence":0.045232534},{"entry":"medins-ecode","question":"医保码གང་འདྲ་ཁ་ཕྱེ་ནས་བེད་སྤྱོད་བྱེད་དགོས་རེད།","confidence":0.037596267}],"provenance":{"answer_threshold":0.8437162,"clarify_threshold":0.2,"knowledge_base":"5398ca8fd5a3717f03d7968cb9c52e2626cd83a07785ee2ba68d9106c008cd24","models":[]}}');
INSERT INTO "events" VALUES('f57c5a4b-8488-4735-b996-b734f0b2c35d',6,1796014569231,'{"type":"escalated","reason":"asked","position":1,"text":"འགྲིག་སོང་། ལས་བྱེད་པ་དང་འབྲེལ་མཐུད་བྱེད་བཞིན་ཡོད། ཁྱེད་ཀྱི་གོ་རིམ་ ༡ ཡིན། ཅུང་ཙམ་སྒུག་རོགས།","escalation":"26043e5e-b644-44ae-bc30-bf9c185885d0"}');
CREATE INDEX conversations_by_queue ON conversations (status, queue_number);
CREATE INDEX conversations_by_number ON conversations (queue_number) WHERE queue_number IS NOT NULL;
CREATE INDEX conversations_by_holder ON conversations (holder) WHERE holder IS NOT NULL;
CREATE INDEX conversations_by_rest ON conversations (status, last_at);
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent);
COMMIT;
