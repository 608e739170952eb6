-- A database as version 3 of the schema left it, written by the program of that version, with its key (0003.key) and what stands in it
-- (0003.json). All texts are made up.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'conversations and agents','2026-11-30 13:23:15',1,X'196b7db7e19bd66d61c1b9aa6f6d7c1fa76da7e10ed5946fb88da4b8f7ed194fd9d42a94c80e51b174090c0c0425f447',1002529);
INSERT INTO _sqlx_migrations VALUES(2,'people and audit','2026-11-30 13:23:15',1,X'7bb1648e01c50e9e6d59c3065b18b4f8e9c8e9100eadf79fafd089c46d99d9122df29071acec2332cf52bebb4257cc5b',1471576);
INSERT INTO _sqlx_migrations VALUES(3,'vault','2026-11-30 13:23:15',1,X'c4b7c6546281106f7405b3e62826e1a16d5a4b85f86938aa0cecab6c6c5cd13942e8f3d58fdd1919211ae76a1649a20a',649685);
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
INSERT INTO conversations VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3',X'0df24f175d426b5de8b16eb641a51cc0835ba276e81c10a3bfc84a9ad0b9fa06','bot',3,1772352000000,'AWXN8RI62Wi0jgEGBaEGlu-R-l_l22XuAyuvFWlUrRep8I03B46a7h3pwsjvdc8RNskDgXcHBxtZWKBV1vMXXpdUzhznBnFOMOAXKalTQdyVxjBKvGgz8o-tQ3tZO1n_PSDLNtAGoEyb60I8RBN9etYKY9msZMNHJXlEOc9kwd_ysobBLX13soFf4BoxThLl5XQ8eLYn63cpGQQV9yEfv1QgHyQpMmPOj7dZcufSxVJMXED-GNZpSvWUfYytPW-7u7DLzYSc_-ilA6LCjaeN3pZHAKoVnoQ1U6iEsg-dMod3FRfhyH2gb6TF8MDl5eL7m9V_YT9zCAPSzIs8eGmTBRh_QjWpeKy3cvl3Lm8j5zGFEotj0VrOUFCmz0RGCsjjvq28CQ9NAzYxbuZc2y0M_9cs49PxK8G-J1CjWMt6eh_s3xBnhrfOBDXWu4x_t6oJpsA4c4Ha4PRWdaaT7fVn_ZMERp8sQelOGW1VYs9SCoijr5WWYuiSwMsVJRxRBwQkm8BUDEEgl1BkIaDeVgbdvoA0RUWiK4kbMW0FClAoJz73MN6GGlHPpVnwIQS9LgJDD5CDKBplSn-OXFCZ5KajBmea5tnPyq8UP1Fp4xhXg_l4-x0Ln3A64Vm9c7rXW9giqUyS1c5tPLewvJ-HYh8LSAvUC8JDj43i_iuIfuSDQdVIdWvjbNUwzVmcgkGnfOIPtKK9-v6vpkoM0Q',NULL,NULL,NULL);
INSERT INTO conversations VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4',X'8cdb76897f39a8967a8e81a6b6f593d52cdd5fd19a21c8e149f79878f0eca334','queued',3,1772352001000,'Ac8-e0P3DDpwIU9m_sj-MDDoF2iLkIEgBBylqzr6IlqrvXJbouKBb_Aj-TPdFKn20iRf-MJ4kf8uEh37U-5J-4mOMtcTKEkfzt3R-SdWnEhljQzN4rXfpDySM0cuG9zNXNX4mEIVwAwP1lVq-qD1XcVxsX_qLpXga07DAqVqERmAriGmzyATMJSgP1zrYn97c5CDCiMnS7mVXwXRFQIecTIHtvHjt7FOZHgJSEhfz6Pv7xgNFXY8_Efvy4wDRLpytAK-IWaQnd9RFqlkZhl-YQRDAnL5cUy53xmvztDYmu-lJUiahFm4maixTYliooGUMIu_SqtSBpTwoHoF3XpciXCHothzr3uuf5P79YKJJ-W9y_lcvPlBITge1dIs2U42JAQTMLALIY6E5Fi2yPC8ZvRIGGlfSwdDu8NBqJZQbDqGdtaHQLq3-n3fRlRH913ggWlCBP_eLHdGseQAtNP2uBNj718rBSXpcBizV2bcYzgUy7eX0ddOciqVlNr07BNpw5b_GyEfG8rkbFeUsiiEM5TSzhimQo0vB8J3F6BrmjSTU8fAZbEkQYWMTO4P2EvjFyKluJJUu8BxQY2GxY6K5vC_84oQxPin0fSLJ0J795bSX1hH2IA3jTO31wJ2J95B0DmnN4HtaU015F6WCCwQWdP6JyPIcTKysFA5rfuDccWDXaDGZhddn4fxHeuXqT4epUxdGxlP3gY6HZNm6Q0rkfGaNh7YOKcr2-LaiJ77Un148EK_GLeYQw7GAYygM6Z6O4Hd-YpmVwf1v85eemp2s4xcjJEHopvC-lE55ibJ9W_QYaApCwo0Kmw3G-Zeq3aYGm5kyo5H3ZIDh2qjhJD4K-R7uzKIfySaZvO2kyhR_QM',1,NULL,NULL);
INSERT INTO conversations VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab',X'f6f81635a60faf61a98e9e2d69ea702a42ca9e09ce096c1d90777bd57dcbfc59','assigned',4,1772352002000,'Aelr2W0FXSGmlKW6fCZgEs6S4_2D_vb2Pa80w5uiNWuhPETs5w-BZ_s7xkbYwvaR0iZHru1_3a5uJpzvRLMrxMTUXdcA30qqGoseo7r65tTQX-Bx_noex71jmth1at1SK5NvMLLXhKMVBcPzyAKaKBAUmOwuBri3wddpIlkTb78bNebmjHIskWYTinFmDovaH6_oDSBFWBk2VRRER7JeRcTcz4h-OZjPmqiZEkACBTCbVjGvB6XT8BlMiXSlGXNQ-FFBO_OwAUm4j9bT2ZzEGDyTqtvZTsZNH6MJLnwbzNkJKfS8Qs8bEoVIyUIUisxww77r_RP1vkF6ofAqiDU7Q3-fPlOBSIW8Hdu8wsgP05LlZz87KPhtdwWlTdEiIOPio1UEYAgpZGtiZ2lnzKzPRCiEtWFmL_EINBYDrli-p8k6IbDIAyuyGiBDy4AI0ID3lsZGjYfa9zGyAb2nGGy6KIo7-XrVoJUP4EM8MbbGoalN-sT868lFIl0xYFvmpqDBJEFUe7cQfiGAah5W97LmMXZqfBzDUF_DOtsp44tNbZ6EtRED75iMYXzB5fZ9zKgbjf9RYgQs2gRV7pRrsM5SObYrI3tuYLzj6LfV_GJDFh2wSJLO3TDufNGZoXgmtcC5ICbk1fVibWLdwIUOfinvdNlLhdFWKpsGaqYbjz3dZzkqRM7mHYYxXly1k2bDayxbQelI5cRn2H5ewvuX7BJBn9aVgbu8yxUZskzo7zFKPnNVSWQ7YqqDHNAII_M1Cs04tZfuZiv-njgKVHRjPT5w2pHcta8Oa70SAqK4jCUgpusdl2aZ53VVuxogAUHKYkRtc0h8TZSlZhjJ39DmAa-RdXhvhyRvN9QAZ_bKRff8vPER89pUfvG7yx0YKoKmWtXp2_6vL06ayaKb4RTbpyj-YMqnpI-SWkL3LWdqrRYSFpEKt45wOJehBJXK8EbpFi4Jr-Lecbp9DjlmQecKKBE37f7E2tx7CNQXLSGV4wp-83GQnncSy1NdNdgYMnk6Mf5Q',2,'001fb0b0-8a67-49af-9777-0ff6460602da',1772352002000);
INSERT INTO conversations VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',X'cca10375b7e30be528c3c066feabbd344e0ca22284b9bb61cb5ed724d2b3c777','closed',5,1772352003000,'ATrkrqKFGthi529Is3OK7gbwxSnihQbQvBtzjaRxZopvAwrzALu5ogXhcnskxjE7O7-niZAMxJe6E7EW-gQ0sWfB8gOhagvwFJyoFA3sqnz7nDbrMG4UY4SNlnZdcFm-06rkzUBX_xcELFeF2yEkL69YEiw0mFi9nnXN2iOZFNKDHU8SYxZT_a1FnDLM0qHGKtcMMU7NqyAflgEnQUd_sIkMLNKpRvHWUiU54x0MFHoD4fAGhDLSO7VSu0Zsj85p-FTKosK_B6POOdcnryQvKFhWBa0ekGiaqN1wTU47RV3fIYd608-u4kL8ESxhyoUcwiGwk8UkNgMLx-FTed3sN60vR_bRRFoJxC7t_QQXg4VNiKtOe7AOxobWkfcW3Y2LzxSTUwTRulqhaixqcMBiMyODiOBi68RB2RzmMxml0q-E-26d98MXiIL_lT-USvrAbbyyAeSMh1RJSD52Td7i4VWqzu5HfNWaTUHI3T1nAutLKtxPL43EEFyXYjznqJeG4naH212acmT9OphUhLNgNiJig7eI-DOtoVHscqYAulyLajs8LJJquiEv4kQP4w',NULL,NULL,NULL);
CREATE TABLE events (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO events VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4',1,1772352001000,'AXrdZlifWMIM3Mb5CxFYNDh_hXAppCDEYs3475uCBqiOhEz8xIFvEkhC1X8Uiq63j8aALZA_9wu9a7mpFI0M-fj1LBXqG9xRZWEGW0ma9ZCAb56pXAA1idSyIENmhhs9sSSr7ktbs60kJ4RbqpuMW70pCHFZrD6EaLkHazOMCMWCkAYvr1XxyQ');
INSERT INTO events VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4',2,1772352001000,'Ae87xUL9GDmtJ5urNnw9skAzm1GzwhxY_w9qDxIbhzqliF9PTKdr3jhXHtz33rixeBEw-40ADHQAjgiifOqkFQGUAyn-kIoKtXOSWeWaLFDlN_vrdi9aioLT5Jv0prg4IwRM-p0Rw9Dc816X_E5Ra6RmdmlBCKfH_KOYbkXe5WGbCHvYrXCWfQg-B9deUR57Bttl1oUudtrE-gj1uxaPulbJjmeQQqszFV1-ZYhlxZj2HRTkEXRG_iEz2Zbc6iO0pmTxa9iiao3ONn1guHOhV2vDkrwxXLECR7kJgEhuQAH9zNjI-6ghjUEg7iT8qrYh6NAhP_t9mOqHhT4FvrWaDhbzqA0zGIZZbRSxCMW13qTRcA6a61cyHBVFIgJMKzMkTLMNp8I70BWxm5uOKw9QefzSq93lZAxibeF9mGlvsD8Bze-6q1P_6qw5mGjYb2FiNYvz6oiUjTmfV6g1CVyr5fvzOsUe2rX7236pmuS2_rj1APIuqCvbB9HrXvoVIwJDL2qD4W4M_8ilUOEpyebUrqUyXoqZ4rM');
INSERT INTO events VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4',3,1772352001000,'AQy0ZQI64IxShofUw2tXyg1NCswIbkc9ybHS_Hnl2WNH-msUmZbMtS3rqd4OtHJIbpzcc97vCE--KdmaWdiAdCrq_NEvc3ZBne-itj2-K1DlqWJjChh9VjQehtFMt5_Jc6bj9QLqkFIVXuMUres2yJMRk2LCnMP2ZIlxVx5D1OFcz3g6mxIRIGDRtA_uOaGuoI53d_zyUxGSSDaFLJaHblqSomlWYe2fLyCqblyYiA0bv1TQcxsFxrUTfIdSG42kYd55IAvrY7-PXWf5p4kh87ogA-8YnEneaWGYkV6KRxSkKT3Y_9MMB0qI1xaM66lWCjpTDIoMZVbuS7tk');
INSERT INTO events VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab',1,1772352002000,'ARBNQc2dmgV2I8yvzqolgLAI9_2M3VFph0uF9kqU_rVLEGJNqVBECcU2eOJG42QtF829Ye7x4LOYsOrbrPWx46SGyXj8SVbBS8h1MtCw9eWami9kSkcBVruM7aP41X4_EYzupd0wUhdPvsM6Mw9yXq_Mm6i_fwSw16AUI_4opCRuwnKPP99Q1g');
INSERT INTO events VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab',2,1772352002000,'AZb-MSGF2yhwmq-SGvFnoIR24ANKqtHgrxFqTlrLkVETgTgFStPwQub_RPEtk-H0ErJXDdZndd77wWCkD_AKqbm0Y2SZizLt_ruy9icy52D_ZRDFdBYh2jE7j2qPj1NrS_9quACMjNVLeXnQPUHbr-kelrQQ2yd3beZeWTV4Bmk9Ny2f6gYzpVExBCMpDLAT85EckBW50z_l5cCzve2eTbN1zzHxewShutqFQGJplKqncNECdqN3UypGUJmkrqRftPY6gzd6E6YrsEUdtYSjUAAnvyTRyEYxY-eMJ3Uir-OJJXks1SCo0hIJYx3XgL3A5atYhdQlXAneWbBFXXgtBIZQBX81dj54yJM0cJVe9Bx910ZJHnUV2hJg7TQIOZVkK0JWh_5MrhMSCbj2TQGepd9Ci1AvzOGmoXUrq_-lIegOAklQXENgpn4jFEmS7kV7Xu46Ahgm_kazagEZITfiTjPdVwhgSfzTACL2_rLgEH29boI8XYlPomMhQdrI4HjHtM48iGmAddLvvY_X3_tyqpdHr5Vji2I');
INSERT INTO events VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab',3,1772352002000,'AeHeN4vRJjZoc9T-S4uKYJ6Z-8eKbUUCYu44JB0dG9aUVjhhmGimimlj7QEFaxElrzhwwCmaPK2ZcyjszoPKSkeg0tk7mwocOoh43L5OZEXHKBopfL6IPvaLvCrg9RGTLRJv4sf7LZZ9PVygrxgiGcqHn6-nOIcqkb_45V0K-Jqn5qcY3GwtxpvHs9uWWbEciNq5vqhs95Rn27x321OC64eSJ9IRnFlznDPFpkdDgOkhgwBS6puYLiSidzMUncodhZL1Ht8lmbqJ9ByBykFMstdQNUTbvUXd-wYGBt-hbpzxhaeRDQnUxk7ZKcHpvmgz2Tvw4imuKGXLXxgM9gITiKvZewl5Efl3T9QN');
INSERT INTO events VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab',4,1772352002000,'AScAMXpzEizx1GyI4qmiePRQinPXCaQs1fjW2giJnSbrtCdY3a4fbpP22HCISvbFFevBJXmioj3BiNFxyqjVjYfgw9DJoiFQMOkxUzVagRQZUWdzT8jkX_Mj0JNaE2ariwVt0B00qWRqjD-rH4M1cChUUwKfatnZ-kQdhbvC0wkRykUMdePbBiSWMF3O5ckSh0ABODFzSdqp26JMWOEfpj1SSn8dg70o-oPOBWr_js809tTX07YLQ8Cj6NrjGm_86ydruKYj_D-8qyNRaagaO2Hd2gj2JrCDQgxFHVVCSefWNQfrsqdujpNaJ5zLHMQ8Or0u0m1Aw8TxYl-c');
INSERT INTO events VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',1,1772352003000,'AX2KNgOZ4inxNVbfS7DN6J3GNajHJ94kA1qpV_HQwGj2sU4Zwc8p-Z1Ag3hdjU8FYCILxadaafdx8UYI34HXApFFTRJDmgMQXX_MSdOiLPozBjz1N7gHK_gKyxglbzbHjIAvZj-NKHkg0-oqblkWXFFTvRZJr2otqBDt64NVWr4No8v7Dt3FhA');
INSERT INTO events VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',2,1772352003000,'AUPuiOCd7CALepv7gD9FdbbYe1EqtbxhPiAGeH9bnkP5JW7kg7oFMIKF_HSM4JaRh8Vu47iAqlTGWLJMXtLHfMP5L53TU4unzvtNLxu7M3OuA2P8Jv--2Y62u40YPkGPbZawa3wgWMgAbbbMqtjWpJNlFQHNmb4SnbtQo5__WbKie3odTw4V34glJm0r5wNVHfC3Dxan53G2YmSs8Rzhl9FORnpj6sy8NpCyTXRGJQvV58E1kjCQ8HI4W-5b-k7ESJKjm2y9UI4KMe5CfkDYye99ZRemnld7FaqhbWeWjquQlv3mbhuFdltCoU8kRhjoFoBCHgYeXw56YyStiCvXTjCjmJ9km6ieV6-Wx5f7utnb19aLoR0037nWGOvyXcYGTk6nZP4rxhtvEYmbbFKviccGpxtm0tMIuymv6mqflwbZSaf4-RIYuGCFlteK7ES4Ikz1vEvj17CpwIRdAepMB4RhnY582wR-IJJeedGDxnPw449Hjv1N5GwJcdap4mRYfW6jPVx5RtkaCFeKiyJLr56eT_wKf_U');
INSERT INTO events VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',3,1772352003000,'ASLLrR-Dtglg3onlQRkbO60j6nsosTt05hfx16uMjjwYJjHQDiIg0kAsPiQdd5fukpUKkfro0VSBtupIHbpsh2xi8InSDyQ3LdCjbQr_aen0u_mN43VRG3MsORNwZK6fMKjQ35D6AHWKpoZSqD-hVw_nXu54-I880_B-HNHDVbjcmO-aeut8GNb_qfv04Ivd81KojWSRGBl84M0_C9AcoZtjDIl6kQsJWIHEXZ9G9YrrfqZmy8H0ukxu-Bd9LJW4f2IgxUmqi0gLui8HjkbcT7cNNiaPhbTtculI3YQ36Mw56STdR51NhamEfATzJDgNF9hLsYB2FoZleXuoX6mCjREViPf6PlmTdDg4');
INSERT INTO events VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',4,1772352003000,'AXSb_6LZXjhri5Wx6LkIg7miUDY0FYsNeQwmI5i45V__-IZAWDIyER0k3yTJ9-cN31Rn_Jtwbn9BIkoVKJUkKk6iAgMzzy2MQlUb6-sSY9son8ZLOS7p4iuxdzU64LHMVHQAcjnQw1MG9UMAWLRFYaj7Y_TaJ5iKSGNlsoRZdHP8n4wworRS1qFtZ0aMvUOtiQmj8XHKWCD7pODhdfoEV5Aahpu2euqZDuWCqgzZWbueDdeRtcj1ZeEE8aPoeSgwMSZi91wDNZ-m2yHSZ4BQ66vDYfmfLtNSpbbnmHJgSo979deOQ0Sio70GNm8EDJJK0iVRZF4leGiYFlmx_oLrj2T-wkKks_yStwHPjQIksL3etyEguhrLHXRFxl9v');
INSERT INTO events VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f',5,1772352003000,'AbExE8h7JYkcdBYEx4WkR_MVeQCjlg0rZ7_4lEkfPKB8RbNjV6ZVhNbac69jTuIJMLdfwmHYdypOTWdqzoEwrZnjbf51lhV6iyypyBVGFFPn3ypSNMcFUjcO37IR5KRcZHPwk9UWAW6jk8O8uyKIOFB1cYAhHY15v22GvVz2d8glAOmtDWVKQIdBan8tUloygHVbQK_U_Rvh-EAdpJt8bT8Y2dltWUcugALOKZQ0Qj2_A4s2bbEAxCCtGr6JRFMS8z9gdpnaMPEPHi1GCQclj9osEMrGMQq3tIMvWy-izNoY5HLjkKp0Nfk5-Jd7');
INSERT INTO events VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3',1,1772352000000,'AWhxhpsjudeqX75fn7KhvkjokDZ3bDvo2lVYvB_eIFTQgcLNM3715g4MJ1PZXKjW2GhIxKNqLEmTwLiTcqMoG7Xpnyic89QlPuvViGGFr4IfKCwu55OYGRttw_WTGc80gtCU3X_1WSVR0DZTb7bPmPMBLTxZxcOOFBlEqoNwNe31R5B-4eGAwQ');
INSERT INTO events VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3',2,1772352000000,'AZNuDotDpoh8138lEHmnMEKT1Kg6OohRWJpR9RxO9KBfKcqbPs-zD0QWxbasBC5VNVPgh0c7-vpW6upR4w9JPb76djhZlEtn06aAxBANmmBX8t_U9Y_gYWuxqeXtkL4wYwmqyQF1dJcj0rQfmfSxIaRwsbBrPEbZGlZtRQN4ecKa4Y-Nwg60APsOSfIQEYjRVzSnuUpbCWZggdJWMMvOE7MhF_7Q-Os1Oek--TlRNReq-jl1_Za0lOvlOOlKVY9cExCyHGmSHoBdR_5aLbzioXIVQe0m4ilgXis4uNuyr0zWXv64ouxlDspF-MudmGLh38ZIUK8iIunvUmUE');
INSERT INTO events VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3',3,1772352000000,'AcpdrJb3cnaFZ6iCqvlY0s5lebLB-L0VpevqN4-llGpgUygNozEZMpcbU3bcHjVlibtQnYltUJ5INxRUbODbzmnk7RDau7SxvsoVsZRzYN9joczWczfaIVb1pfLF_-Sjpwzdi1sbG3cOnfZi7-82THySZN7Rm_0VI3LlwJWvG3g3VTdur0efNUSvFMN8oDjVZ8-LmPWjwina_hMnry_uS7Ajzm0-a5QKIRdyBDwaB3r1pjr4ZgvKs5y6Y4v8jxg7qvGc4nis6JUE2qLcqfTncvemG-ZcOLNAbE0c2KwU65xcAzr8NmFltQq1d9_k6fQNwVm-uKy67X22SPhH');
CREATE TABLE client_messages (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- The first event it made, where it made one.
    seq           INTEGER,
    PRIMARY KEY (conversation, sender, id)
) STRICT, WITHOUT ROWID;
INSERT INTO client_messages VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4','citizen','w1',3);
INSERT INTO client_messages VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab','citizen','h1',4);
INSERT INTO client_messages VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3','citizen','b1',2);
INSERT INTO client_messages VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3','citizen','b2',3);
CREATE TABLE audit (
    -- 1, 2, 3 … without a gap
    id            INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    -- person, command, system
    actor_kind    TEXT    NOT NULL,
    -- The account of a person, else empty.
    actor_id      TEXT    NOT NULL,
    actor_name    TEXT    NOT NULL,
    action        TEXT    NOT NULL,
    -- kind:id, or empty
    subject       TEXT    NOT NULL,
    -- A JSON object, byte for byte as it was hashed.
    detail        TEXT    NOT NULL,
    -- SHA-256 over the hash before it and this row
    hash          BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
INSERT INTO audit VALUES(1,1772352000000,'system','','','person.added','person:001fb0b0-8a67-49af-9777-0ff6460602da','{"name":"agent","roles":["agent"]}',X'ca97d1f56c91d31f0e35b087c5ec4598ce3563493bac1d9a978259a2828d97d3');
CREATE TABLE IF NOT EXISTS "agents" (
    id                   TEXT    PRIMARY KEY,
    -- The name to log in with.
    name                 TEXT    NOT NULL UNIQUE,
    -- The name that citizens and colleagues see.
    display_name         TEXT    NOT NULL,
    -- JSON arrays: language codes, roles, skills
    languages            TEXT    NOT NULL,
    roles                TEXT    NOT NULL,
    skills               TEXT    NOT NULL DEFAULT '[]',
    -- How much at once: a voice conversation weighs 100, a chat 25.
    capacity             INTEGER NOT NULL DEFAULT 100 CHECK (capacity >= 0),
    disabled             INTEGER NOT NULL DEFAULT 0,
    -- PHC string; NULL for one who logs in through the identity provider only.
    password_hash        TEXT,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    failed_logins        INTEGER NOT NULL DEFAULT 0,
    locked_until         INTEGER,
    -- As the server sealed it; NULL without a second factor.
    totp_secret          BLOB,
    totp_confirmed       INTEGER NOT NULL DEFAULT 0,
    -- The last time step whose code was used: no code is good twice.
    totp_last_step       INTEGER NOT NULL DEFAULT 0,
    -- Who this is at the identity provider.
    oidc_issuer          TEXT,
    oidc_subject         TEXT,
    last_seen_at         INTEGER NOT NULL,
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL))
) STRICT;
INSERT INTO agents VALUES('001fb0b0-8a67-49af-9777-0ff6460602da','agent','agent','["bo","zh"]','["agent"]','[]',100,0,'$argon2id$test',0,0,NULL,NULL,0,0,NULL,NULL,1772352000000);
CREATE TABLE agent_sessions (
    token_hash    BLOB    PRIMARY KEY,
    -- What lists name it by; it opens nothing.
    id            TEXT    NOT NULL UNIQUE,
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL,
    -- Ends when it was not used for so long …
    idle_ms       INTEGER NOT NULL,
    -- … and in any case then.
    expires_at    INTEGER NOT NULL,
    -- password, totp, recovery, oidc
    method        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE recovery_codes (
    agent         TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    hash          BLOB    NOT NULL,
    PRIMARY KEY (agent, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE data_keys (
    conversation  TEXT    PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
    -- The master key that opens it.
    master        TEXT    NOT NULL,
    -- cipher (1 byte), nonce (12), ciphertext (32), tag (16)
    sealed        BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO data_keys VALUES('1eddaaf5-442c-4cc7-af1f-617dc6b0c5e4','98898a019f371de0',X'01f7295f4da03b5f24975f880004240fe86fdfb747d0462ca05826c7055f701330a57281e2a2071def9cdc9b9154a1ac286300c3b960a4c0dd871092d7');
INSERT INTO data_keys VALUES('99045bcc-93b7-4dc4-89cd-c8db17f220ab','98898a019f371de0',X'01c8ca357a82da592b1d3975b5f09103c1c3ea169de2e049f2cc9c8b64ae03bcafb1a8f89dcb445c0f2562f2bb4da6341eb5b2dae6eba9a25911899c33');
INSERT INTO data_keys VALUES('bcb373b5-b781-42d8-88e4-e05104a8962f','98898a019f371de0',X'0198b1b00b34d91530504a6ac54b85b12e4b1776bfd5657eb8f74cc05711dea06c2e8d7a9203c821f46ee6909f028cb792632106c5fe917cb0d88001ea');
INSERT INTO data_keys VALUES('d9a8b1dc-9baf-4369-85dd-e57281d65dd3','98898a019f371de0',X'01bf4d07061e01a5747643a726e446fe8449141b8d86fb466802a4f276ab47ab2aac6bbb172b60a65616e77627eeea1d9f9355d165499c29f30b804f46');
CREATE TABLE erasures (
    -- In this order places learn of them.
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation  TEXT    NOT NULL UNIQUE,
    at            INTEGER NOT NULL,
    -- 'retention', or who
    by            TEXT    NOT NULL,
    why           TEXT    NOT NULL
) STRICT;
CREATE TABLE key_places (
    path          TEXT    PRIMARY KEY,
    -- keys, journal
    kind          TEXT    NOT NULL,
    -- The last erasure that it knows of.
    settled       INTEGER NOT NULL DEFAULT 0,
    last_backup_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO key_places VALUES('/tmp/dump3/store.key.erased','journal',0,NULL);
CREATE TABLE vault (
    name          TEXT    PRIMARY KEY,
    value         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO vault VALUES('database','004072004a9f15a760873e7feb486a6e');
INSERT INTO vault VALUES('master','98898a019f371de0');
DELETE FROM sqlite_sequence;
CREATE INDEX conversations_by_queue ON conversations (status, queue_number);
CREATE INDEX conversations_by_number ON conversations (queue_number) WHERE queue_number IS NOT NULL;
CREATE INDEX conversations_by_holder ON conversations (holder) WHERE holder IS NOT NULL;
CREATE INDEX conversations_by_rest ON conversations (status, last_at);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never changed');
END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is never deleted');
END;
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail grows at its end only');
END;
CREATE UNIQUE INDEX agents_by_oidc ON agents (oidc_issuer, oidc_subject) WHERE oidc_issuer IS NOT NULL;
CREATE INDEX agent_sessions_by_agent ON agent_sessions (agent);
CREATE INDEX data_keys_by_master ON data_keys (master);
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
WHEN NOT (substr(OLD.body, 1, 1) = '{' AND substr(NEW.body, 1, 1) <> '{'
          AND NEW.conversation = OLD.conversation AND NEW.seq = OLD.seq AND NEW.at = OLD.at)
BEGIN
    SELECT RAISE(ABORT, 'events are never changed');
END;
COMMIT;
