-- A database as version 4 of the schema left it; see 0003.sql.
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
INSERT INTO _sqlx_migrations VALUES(1,'conversations and agents','2026-11-30 13:51:21',1,X'196b7db7e19bd66d61c1b9aa6f6d7c1fa76da7e10ed5946fb88da4b8f7ed194fd9d42a94c80e51b174090c0c0425f447',1510534);
INSERT INTO _sqlx_migrations VALUES(2,'people and audit','2026-11-30 13:51:21',1,X'7bb1648e01c50e9e6d59c3065b18b4f8e9c8e9100eadf79fafd089c46d99d9122df29071acec2332cf52bebb4257cc5b',2099258);
INSERT INTO _sqlx_migrations VALUES(3,'vault','2026-11-30 13:51:21',1,X'c4b7c6546281106f7405b3e62826e1a16d5a4b85f86938aa0cecab6c6c5cd13942e8f3d58fdd1919211ae76a1649a20a',1195646);
INSERT INTO _sqlx_migrations VALUES(4,'handoff','2026-11-30 13:51:21',1,X'75f18d5b4943061ee30ebc2320af62a901eab859c15f697059b8f06b57d66db30a305b94f133c64e65691ec2e4370ba5',2275480);
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
, queue_rank INTEGER, deadline INTEGER, offered_to TEXT, weight INTEGER NOT NULL DEFAULT 25) STRICT;
INSERT INTO conversations VALUES('63ecccba-5781-49ce-895c-c6d655dd2498',X'02cf65998c8adfe70fde27026412c379de4ea68b869a6b6218d9dc54aec45e9f','bot',3,1772352000000,'ARd_uB8gb71Rh1mSCzi_GrgNuN8rlDyIeIljQt39WAsMj2WpBz6vu-q4qQC_s9v6HXtTM8rqzGdmVznxARtmo8S_KZif9-4wJLHn4MdfORJuihOGpGRRM4bfZEnpKpypcdEQcJ-YGL81SqUoGy04rL0bS7itaqju8kPle4UDnFtkHU7ek_xMTXeIwyl_OkaHIQaEk5uf2RNC_0DGQKSrGRtyeIOHrVaVhH7EOUNTx40aLKe5pIBxCVhFQVSCLr3H_U_h_ByvQmFEoCVJ4WMGpAB6paQf4qXjrFRYLZyo2uNW46w8-YpN5K-pD9bJDPP384BKpu3DXJ62DKCqUD3Q310f2KDBi86Pfm798dwC4a1ozxbFXYDTqtMcJd4DEg1gaJ2QnyPc8x_im3Oc2lAWMNAs1RNwJa4_k-xxQh4gqD2KtxosLjA11QwVwtxT295vgqOB7jPvDQlB5hF3BI61VTM9cNvjA-c1WahUc9Qit0AYYtf_zB5SH7PvSBzTSj9gqa6ZGJpEVbiwr6QH5zxCTytdk4wq9Ot8570bdsLCxFjCYjAF2bX6rAQygb8Lc-p9p8YXWtiyZnb_dGk4S6Jo2aOgm3HkHRZNGNpGMjCV5CIKGOxYKC1EjoVuVasHM7uBglltJaHZfjcBXzJ5LCY2Zt3YkeGxr1ZOVLSnwzPXG2EiDtbzdB3UpSyUHSguJqr0qnCaeHroE_Ts3lGS-0VhYJm4Ms3_S57MhJn-Ew',NULL,NULL,NULL,NULL,NULL,NULL,25);
INSERT INTO conversations VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea',X'9d29ea6a995453deb4d8e4ae04022e1a7924b4a7254daf82ce6e6465d2031e10','queued',3,1772352001000,'AQyZ_viIPriELQKGABF7H-qXIG9G_w9CpVeoqnZpfc4ugebN49o3qiZER962LtFcvGrlw4kHs8iPJEGv-Sg2_O229GtKsmiI3Hoz72Q9l9QrrKb74z_f8RfPYq9Xdwr423jmiW9ZC5SwnlcWIhezSaQrOYMHgk_0NzO_LvcNllqHNFMuMvNFhYRMBQ-JKLXgiZA6oFbyZWijLqJ5ULxNkHNuNTx-d__MYfq6WVPdvCboby6nkKU41saKnBHTeDivWwvLOteo1IlqcPGad7imyBaADpXsyv7JD7SKMjOO8YhnlQ-x6W63AaATPpicLt0shUZ1nF2owWjK-uyJtvmQf5jCE29PENoONjf3y6ssMO9JvITQdA0JYZrJJq1I8XBY50evKpZPFMjUWFBG7RZUvOIzDqZB0E9pw3KUwD3GOF7sCwfBlkhy2VvAeQZrMuUfg3dZG9PD6kTbLsDgwjvvlw0Sc54VqF-fwwUrrk-J9P28Qi2nSIXTpnP8Wsorq8JCN5yyopmrzzgtPzknD57ps-ki8PO4zucot59vzRz3QMqIPshZHUXx6vyFzOo2blpM3r4DyFQb_eAA7BzxQDM5PnBV1k5SLoQjKg6TO8_fBaG2UxYTQ7izJCxDp2oxAleu9Ep3VEbfXhTINjG2AkJOpcCtvTTVcAqPRVRJ73vtiyeCNa7JaYY_eOlgf8XLI9xj3jGe80u44EFjg_8S_wReIEJatZbRw6KkSA_GIJpYg-zEWYuWHDWQsPJ45hC8trfNpinQz9XJUtpGo51MyQVLXG3kUd6A3mh568Aj3qTpo2pPCpwEN8N2BK4N7ROQraSBgeQBNir_HdfxRHsvm6Cs1ptlzVFzETjayYBPat4gncX5IaVidNYcZwbb7JT1zJfiJ5zVA4YGnc-dSkNuwcpP8fBuv7B6uw',1,NULL,NULL,1772352001000,NULL,NULL,25);
INSERT INTO conversations VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a',X'b6c975f9ec9f1381fa7e981e414d8dd495d275155f4f98246ae7df98c0c9bb08','assigned',4,1772352002000,'AQwl38DL1I2h5KyChWqFQCT7zNBL8HfquWsn5jjwca1cSottvk-X9iNQxeuzKto00s-ymvXZZrft4GXLEwI0lEggYP43g7lbUM9zACSO4MWWNlWwL4gKU3JTVe7iAlhA3HbUKchptqCu5-AU3TcM0McT63S6dWJuLAiJcuRImXcs7xs9IesuoWJz3QGcx-mZKySdfs4uzilKkxkLfOTIktIq85UtNpcUPSfURf5FJ6Mq2WbXLa1MHxjYN0bI8PR9QU5HrEZZ8CiEDRcysfIFYYo0H7obaZdtiSH6Fa0vfbx2bhi_kB1er1epV30Ej2_Jb5lMwVcaQeHQDFNINLr8NBHBRJYpQGGaCOMdKz-NgcS17racrY9zFk_6cUBJMU3-vj11uSbHVHCKsG71AAzbIMenis9gWnMtH0uOzDoxGtQxX9GTf6yCejn8wGrejGofe8GadwIbDqJgWqL8tq21FIMhYi2Zdo-31tUj6YugfIkLfRZMffByVP5ECW6S4qV3IczpGRvFIGXuhnN7pIchSL7KYYwEQnyzseCbOsg4JSsh6Ep4xQj-TJVTcFKUffWZSKWCpINuEFC9gvWkcrkhW_i8ziU4KXxL6ReOkKn_oEAO3TlzZC3xEE0KutuqZ5YMeS389pIKxXCIBAj_IG9vGGKyMjTTnqeUIFnKwEUE8E1buXAHJE68EfzY0hbYEBzbFyHV0x3--yaiIYkSV6nYmwfTelVNpLIqn9rbAeQjshCy9eCb4aKgd_-qtyhuFGL0FU8m0eK-BP0kTYVXdW-OGNAi4_0Cu8Gg5wCJtD4cAhx4HpZnb3C2aral0VTSByCo7QvZQJbGfJKPTNFyKHI8BiG7jqJJ0tzH8-1FuDAmadF_GXyZ9-q35hlST3vNKPue5nHnz-Rric3oh0322nEgRbMpk2GGtueHSbl3AjO95XV-xGRKTG8aTLaJ7niuMgDPv-PmTg_fwdMdApOc92HkjjF_KQHcZ-BecEZ9UTpg3iGKZ1ndXwIBIYZ2u6Q8zbQoea6CXgo8EDH4F4t1VkAUMuaYAQKwndRIokBbryBCUQXERoRY3poPKLs2qWEVunRsH1lqTEtgxMd-1R6tGJQEtxhRpq_lJW2suOucjKUS3vqmO8qZ2_zijbKbI_aySQ',2,'24ae7933-02ca-43c5-aa52-0a281371402b',1772352002000,1772352002000,NULL,NULL,25);
INSERT INTO conversations VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',X'acc89e0e74a77f5332f8c324a21962932a115f159fef920b2c9a24846ea4ae29','closed',5,1772352003000,'ATbpMODvteiWiCI6acl4N71Di_RTM8z7beSRRj36EWM-JwZmIrhRoqyh26QtL_5ojJxfys_eR4uRLRFTrq8zpHjKx9QH3VzRY5APQn8hkfyIRbjNRxYVV6OVzf4XFPFJ5x0GlH_Ok9tj2rTxSBXVug4fjo6WuJmPeK83RZAFkmtu8cuRvZ1s0-8Y6RRvw1ZNZZlRtiCPLepSeMFk0LaUo5rR8gjxYyFuHsxhh8slXMB8s0xlxX42wGWU5HR-_GNEUgLYUnHqRrU0gsCW-gJuY6wFX_OR-sZosXwUBfo2tgDDPMIAHBW2ZetfrjfeAJ9_Hy4VgWfG3p1LHUkm_IsUT-GlARZZ1tKbf2OCMTY79vv5NXXKNuo-7D-DQ85hgUVJ7wFhWcW7vlMsAGYSXr9DXuwGYGUIHKKcW3PcYMKmPNDFMguRMCASLlgJLAwrKBs2jhVmxj26tM7qHLIS5LXBWlyJ3tQzZJRdBvhUDlD-oWmmeA8WDX0Mm7uewfmGS0MejYVGqu2o0VW8CEH30VUEK2ES2NLdv4YjipVXu-kwEBziFmdCHVkdSeaDlklx8obvRLQJRHdg-bXUlJhyWC6k3dcViM0XgdV6jVD4qWsuSQHRiaF1GlUBLg10brXXcPWYIcqfOE0vNtQd7VOW9SjCGSlraVJoUIkV',NULL,NULL,NULL,NULL,NULL,NULL,25);
CREATE TABLE events (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO events VALUES('63ecccba-5781-49ce-895c-c6d655dd2498',1,1772352000000,'AR-QXthed3qlMexFol8kMTXaWkKbKKmNeiOdxTQTDOkqLpDZ1V5k0VKDDkBWJMMiDwojyszs4MXDihlmPQ5IICrMS3_IeIe1fPyR09Z3vE4ZATTV5mHMpYqiXTbAgt6HQAmIhzh1GbNk1y_XOmMid2Xs4BJMbH_A6ToDYAqdMAct3NBwlA8mrw');
INSERT INTO events VALUES('63ecccba-5781-49ce-895c-c6d655dd2498',2,1772352000000,'AUhvyL-tzpST01stLt_hds0bv7q16DfU64SCn47L4MPU7FIGv0NQBoWIX_kYHmFFHm-XF9Q5cdDnkdkpBk8C7hndL501UuMgyFKK6JamlyAbj8sV5mN3wP4x0GjJU79W6S4c5-9OCGL_RriZCSmD9Ah1ZMkLJdOvMy4R1jJDwlOhVFjVH4hVSYkjqxcJRJw6CBIOcbNBLZHtZSESfw397UFk30ZNpuggq-RI0cQ4EI9riU1v4M0iaXtvNMh_yHSpXv_-P5MuOup8_WY0nSqybWpYWJLIsjxTLZJDXb5qimjA_1FOtx2EkbFGAnGMperPOpoClWVkeCpCzm6O');
INSERT INTO events VALUES('63ecccba-5781-49ce-895c-c6d655dd2498',3,1772352000000,'AdxXeEhoG-AXpSOffm7MEKQQu7edaORCwvkTNviuP1cSqUyXPGeb8lN5jLdTAqfgoDcEDc5wz3RVYhQqqIlOiKgfFtLikeBQBl9FQpuiQtCO-6FpHVXS28HtQCDhqM7Kh0eM1XUb_4qCO-bti39FfJ9Mu_5PYA-BUpB9MQBpVDo1HUEx9qBpimOdxmWSPUSxvboxhuQTXa1T3FSnm-BFpvYDhCGZKoEVKI6eM1jnNmW8XW1GGf47qSYFrVkA2urF54InZ-oJnoOd3hf2zM3kuF5tJp-5cTuznEHq_HE4B45CVWpwwpVaUrl0n3DKESTWHHpeonNNqpCNKvM0');
INSERT INTO events VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a',1,1772352002000,'AZogugy_huoK4IiOT1Gc1R04HvC1Bbb6kCL6SdZ3eXfYzBrghxiEVvhMq_uc4Eehcb5rjXMcu7_WHtY-uwOb0NXOQNT6jEwJLIOYqKi6Qg_iKwu3Sm1_LO13GioTQD3irfVPq6H5RtLljKnU_ZS16SJl0Bk0FzNxLGpekXrvrF3beFplb_Rd4g');
INSERT INTO events VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a',2,1772352002000,'AeGYXxtrjm_nkhovl5yP7QuGCC_o2OZ0_snZ50sqAbAw4BLP-qAPRgCTqqLphL3DleRlXkheAmHA6iPzncbQjL62i4_EX70qr0s9iq67QrrTykj3MjkwMjMbLJ_lCkS-nPZnWkJ4_v6GWtDBXvCM6KYB31-XGWr61wepv8FagCs5u0IMqF-YH2QkHyJhVGxPY_75EcLBctc9epPVy8emDOGIRbOwyk-DzBW_jGfrDXbxoFp5fw2OeXj1TRCKve3McbtrHj1EBj4T7HTVIMbfIn-fRz1Y3yqHMifcuk_Kz6WQpqYgPu9VLTFC-7pAe0oxbwr84J7nX3GByzoTm68bmut_koNPNgoaCBQSz4jw22uLqINlXmYmlXtnoki4xKgy3BvU3PpUOANWJVACqYau3AEWQu84jL7jofQzvGQ7u2lk-v3WT8iI1rOe5wUJwfsNlvd05Ik_9okfy6e5H62nVj8lxvjAcf-RyOFvmY37uIm835b-hSxGVjdBzOGHM0Um7sKGzucGs0H2_6IxRPFEdYRHP4QkI-DBSk-6TE3mIZ8uIo2BNgxdkc2xtjX7cbqjcAfiNA4KxNQFyqXJbEQlWts8kLXu3ZizFKu8g-KHOtbQTLl-WNArdKfIXKoKuhCVxqdKDm6Za3AYMixCMY1GSNSaGQnYMOm-gTxwU9Yr2aCynurlPGPIMGrCsjcWeX3LC83tovJHCb77c3hoe8fr-w');
INSERT INTO events VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a',3,1772352002000,'Aec0y73VFLUd2sR6amC9Eyqs2nqk0vFR8AS_Et3QmMq6MGdBTi02IiseooSaFIwkgGLAGaDqasRCWxtMMnDKfVaQ1ge_ccKQbr_xm2agm5W4xBOWYP1HLhpQXMZKdIACVc47FFja1rOnlYFPxEerlI4S578zkv9hXfnE2Bs6a4GJZWAYqSZH_GwgfijKztHL523Qe6mPbpjmHkGDfoFg9kOR2iIysdt2oI8Ms5dzDolYzxjBO9P21kjr44cF1nukB-P-sZtxJGW8CsUOIG_LvOFlColDkqgTcYlZ8r0NkHvmCHP1hJGNeYvLk6NLDQF5pkR498QWG6cK0mxkuWonvsG8D4LEjDcUbzEo');
INSERT INTO events VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a',4,1772352002000,'AQcMPkbyaY5uthuZ_2SgUmfkrrMaC8tDqj7_JtWv8qR6L1_LTkp7AzZLg6Z9RCyq8bbqzU9dRvDEMXBXGseefhsTki9RTCFNutGAUeXcuEIZZGKChu4My0-_rCNc7C5ovygj-vNv7CfThNwl_Cvp7LloTD-9Fimph7et4wZ1kV58JZqsUFyvhdWHVAt7FE0aj42rwpspWX2eFz2Db8CpiCGMOSJHNvv7ZUc-aqZi1-50wna7HdnltN08fGsfSRxCbWPrab3JkLs0AIPa04FXb6EpWt2tzWMEW_v2i66l_j80crvY-cxD-mmjPCIfZevLDoxAwon3HBqIQyMe');
INSERT INTO events VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea',1,1772352001000,'ASP7Z9qQo4bmAwvtCFfteTaiLwVGpOvOBq4GmG7BqYqPdgyZCL8aQmVX4v3W11qmRHdD1kSjGnQXdYLEUy0qr5qxdpHkBsV0n74UpHtGzEHzMtg2pu-fsd-TmlMJ7mjPqU6c0Ka3ct7KUhQCQJVsHFxco4ZyJCELkrKiHYtDLu9zm1tnrBzrhA');
INSERT INTO events VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea',2,1772352001000,'ATJE0eijdQ6Vym5my4X6oZ3EBjklmsKT_BDu540-hvRAIDdsedoePS14riLzP7p5rOLfnTuVtbjpR3Mib703WxHiMXcp8QMpKKK4MbM1Fhe9wsiPmDd_AkZVfFHWNCpdHaaAhN6KfL-itsuHpcyqzVwtM1wb1T0JAuWMULsHIViICTjDrn1dRtxSyekBaiOi2rBM0MmkpfEtDqlgfgvsOvHUhwbnMIUfsxdUZuQdLZY0y-gvhVH-nKB_netmXLU2ytWTyeVoR4q-OouDSZT-BATu6j2ewEpD3wV0SOr3LOgP7oI2d5iegbVeN_eJazz9ZgMdnAF0Ff1-ivKhp4mtEu6G8dh8HlN3WuISNvza7srV7rPK2MCivLtVIg3tfYw0ji_hP9tOqWY9Dzbd-gnUvWQz7gHBjJnqcyc0HV-_fBSqUT23a0AhQtDUeiu78lAtZQaoetEVIqjhRXlHnLtPPUNpNsSJqDcsd0vriP3f0_EWiKcFhx2cJ7qXlIqix9GKjUnb-V53ZPvpfdl8OJ4DcECfBqeXxaGAoRvHGShoOB0j_ySAH4phSYq6ihdI3kNHve2KRxov_4ev-s5CQg66WumWnCXHLCrLswgWFsoD3pcwQXYWKSyFrugldBJmPvgfDXPS1eTAC8pfeJQqoFQnJ0fngy4uRUKUSKd5eIUeDgl-k_TVsyVbT-8albmUFvkdfwliTg08nwjBrW1M');
INSERT INTO events VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea',3,1772352001000,'AXLjcZ_YcXOoyzaYunY04lvYdhY6s32ldymRfNKdbyekw0wE6y5xm6GwEqPnkbcHm1SBLbGI8_bUBQeMp1PQLpjsvYRTzUBoKk1aBjiTD5e3nodywIPBGlYZcvxzbawMcSENcTKDRstogJl10lKR9-uH-B9N3quGdxFUMd2aKACXV6wsaDvM0YNcyJIx_0qNA7UsmpXvDZFoG1kNtyXBkGOOB7qrsaxCOESor93L_PjCVH8gmkdeakJipV35J4KcmuY0UyskKHv97apllRHDsOGjHrSdpCpCIYG3xQkNnOaOPfasYX6xU2NCMU211Lg8PnchsThRMOqmMPjg');
INSERT INTO events VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',1,1772352003000,'AbLhCIi32lIKN5gjfipTafySYqtmlJ683hCZ0uVbz8Dmuuhe2VCtcTT3OUc7pRMBIWkohSNkhOV0ZHO7agvNlx0DRCaAgzw3XRya7kpx1hCt-QHsXGmHKusyzcB_JlcvzlymZZvjrb09UlaTzN6DXjxkfHh6VDIT8Jw-wZzkgUapdgtJguD8qA');
INSERT INTO events VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',2,1772352003000,'Abdu2IzJPmNARSwbourb9qALLwH8zpnhNdtJTV0EEjpTWgG4_a5hfKAQk5J-X4A4TkePUjI9c0LJ_Durzkh8NHQml96mO5POnHdxzaFXDeZarnvrmMddMaUZs5jxuRetakwhxxUuo5XCaP-zvUEegjdvZGEiN669Blgax76PMH3Um31l2Sk4un1S9kmYkMRwVCLgmgnFXc8f5GxozZ6hiDtbFKGiEJkdcISRET5iWeisxrl678e_keHMYsE5UhRiGo2Bep20qVf16tDr8BNxzn3lajhtr1ELjqvo9Zx65pAJPiaoa5LcBmjGqnIKyEIQ8pjzSrs_HKxGs_syvEIloLTGCdw_RYA8L0ytoolEESUhMcbIab5WYaVJc71wDmUKDWwV_j4i8aycLCaqb3DyTxQ-2lWrg4T7giG1xe-W5ORQyPlwRpSY5FivAMBKVwF80lSsSbk67TUHxZCPnzK5YEKqqHNg3JCYFvtlUnuCC12vf8v2kHwTNK9QckPhP0I757qtsaBij5kvk586vYQyke05ci1VsoAobL36eFDNDMXSuZDARTNwtt3GhZYpc_2sHin2XCDvj7LV_aK_mCIsdkn7Hq8QNHX18BAm2COLoAmePX4-fGU8PpdZdXGnYrpHo0UP84_TTqzf95jwg1rYLzKo1VlS5k5rcfCOJgoZapEDL_nuLFh-J2M5RJaPZ1W0ZbQGYq2eUMBm0cAVr70qzQ');
INSERT INTO events VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',3,1772352003000,'Abj7bQ5lLhZtihs7EtCGE92cAjylzoMqNqRVInKMeLUNlOj2ws6xeZuk6KuwEn2E0PZ9cvZPrzIR8gpJ3AzWibvjr-KAS_FtlrFk3REtTdqROZ1UlaE_-68wwN6Mx4i8ypLZ1Iz2BuyyQhahA0eee_rDbsB7wt5FmdaU_QS-OgDwOuK1m22kpjQRGd49pFsDCB5p8aK9iyTl5Eyt2ueoBODFFrQEvSGivaHZ_CjszMlIF4PQu_kelhrOJj_dSw_jhssP4bUVJ1KKUT2eqIMV1R-7Yd6TDoEES8BsEKHyMbPgwaZQZz80S0KVqBmpKRttkon43wqiuVjsFSMHxFCYovofSpmxYFcgcbju');
INSERT INTO events VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',4,1772352003000,'Ad8KEc7LX1D8hOCYZbag1uPOZC1MrkJFWwqgSptMbIuxpBaYw-5h4q5EDDSNTfIWUMhwAKZlH76xbqUfRI7IkDUXgiwusK1Yz50Q6YKlRtY6qULJ7itSSFRNH5DMDwiv8RkyKliZbRIujpnyp0MqljEWZncM3n1RfLK3STX64Ft_8xK7R-RhVrQqemlZzNs4khDwkZLjzePlaVzBWiXVWDc42tzgNmFkZP2efiulJQVxaOJUIcA_iw1i6VLGvx2n11c9c1IHL_bOW2SfkNRL2R5LLi4fkZuK7Z3UWwxgcn8aVATP73jQJhA8ApCxaQt5cGcB0dlBV2mJZcc18g9rkKKrYDAw3-0gyjSCKd4hr1JSt6VFQWEdbWGsb2BI');
INSERT INTO events VALUES('d60d6843-6108-4edc-9b17-d151072ecb38',5,1772352003000,'AdaFi0CcizBCfeE0bXTjAYhRo9Y145_7R8LYqKIKZw-pk_T8Txz44dPcrb90C615tMKa6CK8DV-a-va7lNbXIheAaNMXSRGj5vDT99bztdquwLEQWz4mJ-IFkt-Pv6NQi14dZB7hApyef_YMZfAUFE54fazZqDYozhk5KLKNtJPZdqJPAJ-jH0d94zGurbFheh9zbyZscMeFDLtd_2LLbMmZ5oewdelAqFV7KVQwlcWiyFG6Y4FHFbWwUBKXGhn09eleiWh7HiL4sBgUiY7zk9SQE9nVqvCv9iFGgRpKFmu_lVCoEvlkxo3K6tDe');
CREATE TABLE client_messages (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- The first event it made, where it made one.
    seq           INTEGER,
    PRIMARY KEY (conversation, sender, id)
) STRICT, WITHOUT ROWID;
INSERT INTO client_messages VALUES('63ecccba-5781-49ce-895c-c6d655dd2498','citizen','b1',2);
INSERT INTO client_messages VALUES('63ecccba-5781-49ce-895c-c6d655dd2498','citizen','b2',3);
INSERT INTO client_messages VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a','citizen','h1',4);
INSERT INTO client_messages VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea','citizen','w1',3);
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
INSERT INTO audit VALUES(1,1772352000000,'system','','','person.added','person:24ae7933-02ca-43c5-aa52-0a281371402b','{"name":"agent","roles":["agent"]}',X'd55c7941dfc60891d58b4f212344e530e67b72caa18bdc10e2552cd45a8769c6');
INSERT INTO audit VALUES(2,1772352001000,'system','','','handoff.escalated','conversation:9aa7e368-8a35-4316-81b2-abbe1807b4ea','{"citizen":false,"outcome":"asked","seq":2}',X'db0afc89287849e4f7e4c37b0b8ac8b9bb5bab75cf02975efa6ba6e8dda1be2e');
INSERT INTO audit VALUES(3,1772352002000,'system','','','handoff.escalated','conversation:6d04de3d-e99f-44c1-b6a6-03b740c5901a','{"citizen":false,"outcome":"asked","seq":2}',X'76599bd78c7ac915543c43ebc187f29c9fee26944f5b2a1493cdaee0e8086c52');
INSERT INTO audit VALUES(4,1772352002000,'person','24ae7933-02ca-43c5-aa52-0a281371402b','agent','handoff.agent_joined','conversation:6d04de3d-e99f-44c1-b6a6-03b740c5901a','{"citizen":false,"seq":3}',X'f6ac2bb2d6f86f953a3fceea5a2fa3514c7c119ae247ade1c4181af2460bab7e');
INSERT INTO audit VALUES(5,1772352003000,'system','','','handoff.escalated','conversation:d60d6843-6108-4edc-9b17-d151072ecb38','{"citizen":false,"outcome":"asked","seq":2}',X'5d51d15fe749184fbf151080f737eb9aa432f19303d164f9292ee664ffe97f7f');
INSERT INTO audit VALUES(6,1772352003000,'person','24ae7933-02ca-43c5-aa52-0a281371402b','agent','handoff.agent_joined','conversation:d60d6843-6108-4edc-9b17-d151072ecb38','{"citizen":false,"seq":3}',X'd6480d055204f18de67bff6bb401e4971ee6ddb9a857b9202fa9fdeeb885196b');
INSERT INTO audit VALUES(7,1772352003000,'person','24ae7933-02ca-43c5-aa52-0a281371402b','agent','handoff.agent_left','conversation:d60d6843-6108-4edc-9b17-d151072ecb38','{"citizen":false,"outcome":"resolved","seq":4}',X'f7e3f49d6eb3fa670e98b0718bcaf1ec433a8da358a7cca6d00cc5e111b9356e');
INSERT INTO audit VALUES(8,1772352003000,'system','','','handoff.closed','conversation:d60d6843-6108-4edc-9b17-d151072ecb38','{"citizen":true,"outcome":"citizen","seq":5}',X'31b26324461ce8018a87bbdd4cbb36f5b8b857087f5dd65314fa5d1dc44e6f83');
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
INSERT INTO agents VALUES('24ae7933-02ca-43c5-aa52-0a281371402b','agent','agent','["bo","zh"]','["agent"]','[]',100,0,'$argon2id$test',0,0,NULL,NULL,0,0,NULL,NULL,1772352000000);
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
INSERT INTO data_keys VALUES('63ecccba-5781-49ce-895c-c6d655dd2498','84466c3cf69183f2',X'01a55832865e0d877e42420dfc41eadd441cc94c1c6d9764f8859f33f8e67e3083f7ab62ceb10f9366964777fc15a1463317ac8e6ed202d6615aae2d2a');
INSERT INTO data_keys VALUES('6d04de3d-e99f-44c1-b6a6-03b740c5901a','84466c3cf69183f2',X'01f8e200eccc15fa73506d2461dae633a86fe68c47dfe2376f9ce4393ea3089546edc42bc04d4e18ccaf09320e350038f42d26b84f95209704de3189d5');
INSERT INTO data_keys VALUES('9aa7e368-8a35-4316-81b2-abbe1807b4ea','84466c3cf69183f2',X'0162e363d2a8a09f7d709ed8a0613ca56fac8e8706b882e236ae0d771b5a4fe09550714fb27e0c3a00a61ae9c5c55989ea887b005b5c8f36711b717964');
INSERT INTO data_keys VALUES('d60d6843-6108-4edc-9b17-d151072ecb38','84466c3cf69183f2',X'01ad0c109b81978f3a26240961e6882aa0407f2204f57c7af4b2cff1f351fc8d02325f5469b963fde84cb662643caef49851f470408a28a562c43af47c');
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
INSERT INTO key_places VALUES('/tmp/dump4/store.key.erased','journal',0,NULL);
CREATE TABLE vault (
    name          TEXT    PRIMARY KEY,
    value         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO vault VALUES('database','5255960f584843462377781ad787aab7');
INSERT INTO vault VALUES('folding','2');
INSERT INTO vault VALUES('master','84466c3cf69183f2');
CREATE TABLE presence (
    agent         TEXT    PRIMARY KEY REFERENCES agents (id) ON DELETE CASCADE,
    -- available, busy, leaving, away
    presence      TEXT    NOT NULL,
    -- Since when nothing new has come to them.
    free_since    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE handling_times (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    seconds       REAL    NOT NULL
) STRICT;
INSERT INTO handling_times VALUES(1,0.0);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('handling_times',1);
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
CREATE INDEX conversations_by_queue ON conversations (status, queue_rank, queue_number);
CREATE INDEX conversations_by_deadline ON conversations (deadline) WHERE deadline IS NOT NULL;
CREATE INDEX conversations_by_offer ON conversations (offered_to) WHERE offered_to IS NOT NULL;
COMMIT;
