-- A database as version 6 of the schema left it: that of version 5 with the sixth migration.
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
INSERT INTO _sqlx_migrations VALUES(1,'conversations and agents','2026-11-30 13:53:40',1,X'196b7db7e19bd66d61c1b9aa6f6d7c1fa76da7e10ed5946fb88da4b8f7ed194fd9d42a94c80e51b174090c0c0425f447',1141646);
INSERT INTO _sqlx_migrations VALUES(2,'people and audit','2026-11-30 13:53:40',1,X'7bb1648e01c50e9e6d59c3065b18b4f8e9c8e9100eadf79fafd089c46d99d9122df29071acec2332cf52bebb4257cc5b',1498315);
INSERT INTO _sqlx_migrations VALUES(3,'vault','2026-11-30 13:53:40',1,X'c4b7c6546281106f7405b3e62826e1a16d5a4b85f86938aa0cecab6c6c5cd13942e8f3d58fdd1919211ae76a1649a20a',895901);
INSERT INTO _sqlx_migrations VALUES(4,'handoff','2026-11-30 13:53:40',1,X'75f18d5b4943061ee30ebc2320af62a901eab859c15f697059b8f06b57d66db30a305b94f133c64e65691ec2e4370ba5',1504595);
INSERT INTO _sqlx_migrations VALUES(5,'webhooks','2026-11-30 13:53:40',1,X'62ff79d51eb3502f5ee8b145b69c204f6bc06b9af59b3e35cccbc2fde6d84278c305e6c32e64dac721c70bbe036d821e',592671);
INSERT INTO _sqlx_migrations VALUES(6,'calls','2026-11-30 13:53:40',1,X'baf2c8f5f20064953abf5a6b5fe2757bc346f2ad2294bf81f3cc42486e2592138c9a4be195e87ea72bcb523397fbdf96',592671);
INSERT INTO _sqlx_migrations VALUES(7,'pages','2026-11-30 13:53:40',1,X'8e4b4825d11f6e9e9bc94078dcaf014da9549623bfbc38f290a21802d0ff50c8f6bc3488ae70bd70d35ac90f5e7d05ca',592671);
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
INSERT INTO conversations VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1',X'2123879937e15ac6adbdc2cf3e01dacb5076f41c67b87e1f53d705b560dcd166','bot',3,1772352000000,'AZKouFo-ByMBiOmm72-lxVEUmmTwaL5xeQqN7tlDTBSniO82iEGenGzUOP8rJ8YgW7To_HKnC907QTt4XmGIV_ntAMSe7gWEgwFUVI7uIzXWoiRgHp65ob5z_vAU8h-X-zo0NuyZI4XmI9JGXkYco3WnTQ508ZyJMn05VfHzcEFcZtUATSX9L2Ex_-fM3ZdrV_FKW5m1zZIaC_zkeJ393TLa2SbYC2vNBi8Lk7dD2DuTpXZgrvUWbLGcmN6ka4y2-wcKQ4sJWyDXyUvkSe9iCYcpxhO9c10H1VtdKKe5IpXOKwZKFodr-KWacdRrOTJqKwLXXQuJ6DoB-pvc7H1K0VafARaO10yXDQtBsirdQ_o14VPnS-oHVqQTcm91J8MqKdntZO_fSMEd2rMXgy_NefAVsvNhk2qfsosujaOqgK1rTWToyklLsmkTTJgVxf_L3COsVsXTiGvNCE2CEIDb7LiLaQt9Nx6rAz2-nCW0py5TiHDE5UqMaM-ZVA2dM2AkLno_VWbfat9OCfFSwE_Sjeyrns7UOCgdvBndF8mzT2_KHTAE-hfyrcsPPUPB0qCcZ0XwPAVM_ipMXDowtCdGLspPJ0UwB0IrwLIZFbZ_A7Kqvu9LlHpmggWjKeia99JlbbNOANZQYoHp65NoKNWfmgD3Z3xCjcL0yxX1kATjkjomlH5KxmzHMdxkCWe2qifE4zK3VjWVIbeZFP1t264uzNTb4HlwkOre6T7zow',NULL,NULL,NULL,NULL,NULL,NULL,25);
INSERT INTO conversations VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90',X'8490c0532a6a403ecf9b38321143a6674b5ee6b2859988188130907e8885e3c4','queued',3,1772352001000,'AQR1z4wAdu9X3wYo-kKi8L3v7hs0KFZXb6xxi-rsFA7nVecSagMnnPzVHu9IY4b3s1f2CXftShgiaWNukZs7GUTTqI5Tmzl-8zeFHPAgOxtdzralvj7ar5pk7A8iXRfk_s89CwYmOKkw6-POfB9P7p4mzzPSIUAN3ryxjc1ilDrcq9P2tovTiIZ9W5iLXhcod61HUrmamir-TG3TNQdRd2kIQXzB6jIrVtMrqGDroM8FDaz4mPIoNVm10eNsaE190bH6FghcWaZn6Vfj-WLlQP-oEuwtiyRg4jBfMOpQQY0fJd6VnqGLY_0B-b8FwOb2wmtnMMol4h9KZXYZA1tLhz5krsl8ng6eNOWRPcu6141W5M17_VqEgRCvI2fq6iSc9AMNPYMg30MSuvIPrhSSAnwYtS30g5DwoWKybuax3QECSgXr-9V9mGw5eYB6WmyGIKKd5qZl5-SyO644w22iDj4PJl5mCrPoY4CQnLpq4wuAm1nqi6xdCb9JAYsAKLSunQthJOuNWumUIU8vdRYmBWGk__nLX5Rfp2jFDrVZ7HitGPnhNom_fjcZgeXWD6hcb3h-6iR0NCA6vDvcaJerVxC_lDeeUy7VTdFHXprogZnJnvHTT1lxQwZSfI8YG1ZRp4ftC4zsm_hvK5fhJXY6w6xGTskKcl1Vye5_K06dV5LPxLZ7nf0Jy-BOKy-eOiku2A28hxpbUZed0B45vOUYrcJ2U-Ie6bd9nQydfEFjpaTZkpHDZ_yqVXNjCS2c465O7PoUqBsBW9QkmNslEx85OjKq2Q6it2dCD47c8qRI3UuZ0yNHbuKVQAHvKMub5zjaQSsxpmGcs9wKqZGw0EPdYr6zPGH82xr-ToosedAbjURmooeIl1vhgg3HAH-w9-lHlvCrinMRUjMsG9wb7_gSjnJozHHXNw',1,NULL,NULL,1772352001000,NULL,NULL,25);
INSERT INTO conversations VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760',X'8caa9659a15b033898eaedb0248442d61bf5aa3dad7c6aaa12bce4d5d8348b75','assigned',4,1772352002000,'AdVAoR6gve9LYKtAa5eptqkPV3X06Q-wybx_emjpJ6CjRL_fKvGNS_eAmNpGU-CMROA1gPONTpOOgu0dDZZ5IRU-EyDLQL3UAO-DQXeyQqyvkRDg-oNgU21ShqK0W5hZCLQcn7S6WF-8biR-puPkVV0SfM27JChXUZwtdCDumOXhOllBzAEa2BkX8nWnhvW1FAtkPtIWCWAsDpHzbDuOzn8lTeBVxo87i_v1lmqzOPV4Ab1NKaeQ8vECYHnNzR0VijsNgxmaWsO9OvyKU1M29EnY15rH0j9SNarYaQ81N8TIkrOx-1REWhnkV9w1bcP0ydRrlnL30YPRii3GmZhoqL7_g7XYwbqZqW5BmWyF8RfgihnS-bMdj4jDY3M77lXEao_EsBJqA2yBLdEXgupv0FxBLFcMArBXTz_0AGG5Yt4bV9JwZcccw02A5l17s5gE3v9BqNfPcvejmXhPSErtLR07uWOz_2sFsQT5C2VJjL5JTJZDCaRn74Zf5xG9Sp2iNqDNZDIsGmpYX88FxQRVP17L-SJsW64WV1m9a6stdjHtAc0AdLz4u2ptSLadeCZ-CUcEzVMaV0xZpYFMr3b1PovMKylLMT3UVMZTYUzSQjvndjRaeZ2XHy9vio7E80JuizPqKcydOvgF0-m2_6KR-s_rJF5rm2cQUNWv_Qso6XfyuXy5m4ofSMTEcfjEfqTKMNBPMm7yb9R6mkNQYrXDDvUPmx7935l3vP6zkFza-FUYqI4UYHRkXH8V_nGh96KF_yHhg2Zd_9A-MMC7uDzfI0AbiTc1yDy-d778LHr5I8JkqsRPsefPMlcFe14pdbyNldTdhq5jKaWQHDablzBqTMNVAZXmFdpJMmRRT1e6M0TpcbBOtBLBTGZJqi1inoldQd8Je88OBxYEQbd93ErgyFiaMvK3bB4hO3quihPQxDlV75cJr7tlkYPj8OxRygS6FSAUj92VeBPvZOgRcuQ3U1Y5T3Qady43ssNAsZeTyp3pRopxuJOQESfWhtyQig07J1mXC4at4ixrSzkytQ222zQU6oktrjOF6VVzKt-6Dup_z_txt0m6MllP_HFbwswBY9p-C9049q0GCwc5XqtuSmZeI_4uxLAlazEoNHRwy1d1_vg3j17iNQ1bnrwxiA',2,'75eba391-a726-475f-a9c3-65c747043d61',1772352002000,1772352002000,NULL,NULL,25);
INSERT INTO conversations VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',X'69ac71d9699fffc0c1ef65109866c2d279789f6c3ad85a9fb9b5aecb4fdf01f2','closed',5,1772352003000,'AWFSMTogPaSQ4q-vxJIZK_4WQMxp--e7XU7AV3-milpyCGC01uVRZ0AxWmWLcF08Z2Ao5qV8m3_FAlNwSgZulJCPDobw4BcKzN3mF0y91JfxJlYR-BhqOnj4UlshfDWbkxGKz-U_EN9uLcvIKFqHNS_WqWAWUIcCXarNSw3kVuNcc7K13H997o8xb3ZtPZWHcU79hO6-kQgd85L5SmrtiqViAa7GIL9JhwwJJAQlR6QxCgoBuVCmITTTHHERcaHMEdq8vhrcnffTyEl7HzCdUxKV-OmQtQ27rOu-xmyPAzN0wowbnsD1q--gzASLEU0BXC0Qisa0_4WTS_Yy-dH-oXJhd9ENHvaHG99QlCCxoHopT3a-Wt7ZRcbebumylLI4_TR544ctjNJ_7nzK8eHVStwX0Hc-i-0fBdK8-A6gcyo1crAe1CLjJWSlc4WDJJSZ-StxHt17ZlOXYQNYiXvVRNMxrXqTnhAkKGVxGPPYv89aTXm86NtmNqU_eOixAEroNPNW2TE4j4658axTOVs3CjGx-R190qkBU4wb6f8q8KULHtL2LmjuTQ67wCx4QGaYrzHWZbJ3uuNx9SwKKUQWcMM9SrrEeMLFleLaDltVOiLDLhrL7zfUFEc7jJGRdrxxwirYBQUuiTBYfOqrWSgmARm05wB-QI-i',NULL,NULL,NULL,NULL,NULL,NULL,25);
CREATE TABLE events (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL CHECK (seq > 0),
    at            INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO events VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90',1,1772352001000,'AdYUTKjhvMuJPVJQCObX2wU-2o8zGByOPyo0zYHGHjJ9FzyL6gFrBMG6PZuwoz1oCHqRRVXgtMAr4ZDp-cv7IvEIf6fsNK9EDDk1JMCPpJaQXvOB7kjVG9y_BvNcFBJWbA75STAtZK_RE-siT4IkmqevfF4RQ6gsDoiTesBsmoEXSaHIRAEhqw');
INSERT INTO events VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90',2,1772352001000,'AYPwsjMzZbYsvzTkWLMDjt-D9rUsKOUZtrNosydoAcExZVRXGPnjgj58PuGf82SgbHHFF9UlvOIgvGgxvRCm_T6_9A2VHRi-CsYkEjBVo2vePyo7wRNktFDUrdoFjwkSUDavdvk4GUMXvJw24XuW-wnF8gacdIwgsqhLghfJITSD9bdgxRZZTIJ5n6WB0aNXkH5j2XtN5wtG5jPCZfN0tsnTEAl1spkMYQMH5vbUEBeC6NyF3tq-bCrLPq_vWwQB3dO9LEKpGmxmZQNiJCsk5SDeXQPMl9f7ZWkt4XhK8ht3X145bzZMpm_zo-7zfk-ooJhKDW6-zeLdCk7Jxt7u3s7hpQvdhhPz9ha-a40ituvnobDG9G8xssEiZkddWog8cMdrJoLpnRiR7J5mdaciRKOQgiRCaCtrK3MOXACQhaEZhJpzBSZ83O9c5r04U3CbBD9EsyVN7CgvBjK9jFxXVCpShJ_DtAVw_jCGjxpKeUa20iGiYDtv55AjIWXRKFfbXJeHGt7oBlyYPOKybHZpMEHd_piELmueg2gtmPRYZZEfeInAaqZ6ilAJYNVBN2Ug_90tPD8VKclM58hPbhZ6ldSmuj2vit6g0NRB6FEm03qS3QLXSXtSpqzXcIslRVNRCX7qMsh-juD2Ktpc7YghMmGzCmZ3EgFH_0sl6QRvywL_aw1k6LdOBwMUP7LZL4SYkAewpeJLWFkRSiX9');
INSERT INTO events VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90',3,1772352001000,'AW0wx1urffaQXeXKsm5_m-bmwIzVpM5NfpL3oP_y9DGiJ_rSyC_G2inm_vQPWjNGukWVRcfX5xStmbZhiDHYoNEZ8AIawOvkWtFaZOim0pGoc3Q-V9EQUzKAtY1AecSbv81w5FGkFA_J78z8bjpY0WXBVTlB-JmI0hCkevKKg1HFpvXLXdRRJcD2wWekRd7QXIbxwVHUfdECDtX144zk-37yiJZXIkyueOdzOfcxwtAf-flHwXgk8R54XYs53L2AVEIZyesppPIfnIoGUMgYb-e5DBvbu207JewkMu0zFbFUBQ0oRYQ9BAZO5tpW6K3j-Q4UYAnEtFENkOKz');
INSERT INTO events VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760',1,1772352002000,'Afadn9UyBSd_7D6LsMs8Js-shy6WCHcjBb58VfzR9mj-fuuYAZhBnndGUSpdGmEvfYOy7D8BgZFzZBigIHB2AxQV0sEtDUBGXBm3TU9GKmsaKUavaiEddkTug-3po_FkAYG4E_6L6IyYp_bHwIG3ngpcc-cCyKuPX2Um2W5id5INa37Gm3EWVw');
INSERT INTO events VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760',2,1772352002000,'AerXBL3EvfUTJGqj3D8w6fUTO7B2it_2Sbc1D8IOlIlJULlZbPf_v5eQmqjsZZhswTbMOdCZrHIue_Q-rLuTXsnXQ2uLPq7rgpjYMmNaN0thMHZo5oMyf9ZH9jRBsLBIqs9VVA7qlvkNvQpyI__F-5lS1xpJfsKKG1Uoxc-IryoEzBEKKTY4WvCCk1In7qr9_U7BqNe68tV7F3UcphvPsNr5xArNnyLG_M9bx5dONNoHkZa13r-gN2FA5qdx05bCqHPdJSQNTMU9AWB-mPWoHVtI8IgwHL2ipZj09Fw9rKwT_PEKozYi4nSP6HVDQmpDAr-jiw_Er2jmxYdQ13rQmqeqxKbRsJyNs_orMkHXeIy0DvsJ_MO8R7T2g-vS_916yoRBQ9EFeWuVp9cxX_KHOQj-XWj1pShSHh0dGPwKrDfh-yvj5jRszNwSjADGWJZqcn8Lwgv3J_jAnKb0mTJoze7LtKrKmhqfYl-Tw2I4nP7oGzwYiEg_T1IVNqAYSVxKCP19ODepjXluf4PPGEW--mykFXD2laNFBGfhc_xtIoiEgr6OKmOFG958k4qfhrl8LLVzuvNW33u8Ho2mNvfQpJqcQ9UQklv_jKw_W58Sb1pKqVw1DpwL9qk57f7zV_iBy0we6ram2wD-bHoFgnGjWKXKOepAmwKb-JklL74SXOe_bmohLqUgPnz9x156kviOg5d78tDbLLeBzFpfh_fCMA');
INSERT INTO events VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760',3,1772352002000,'AZPvzVE9L4fXJLalRcdkNnIR8l8234JUEfNgnruaiLQRThIP8SggijqweD44uQJQl2lQD-kzkful8AKZ_IipBgYur5RyyOl2h6wKrhvEa4DoTykNBPQyGMlQWmxJj60KaP8QcEcURQO9PybO82DFwhxkPKECV5Os7hzvrdtaFoA4lj9EMCQeRSElgOUpKGzUjFE8xa7JXbTnqdarP9IyoYWEGBWIASKrCTSiscY2eZgw6dN5JzkRS0jSe-AzerP-654TcM0AUeAQJqSUs81GugYUzujZutQRqJZOtVFqYa9imMq047mpDgQJpiBDvtnRXnLebfqwYrrbVaKi52aHPhtflCaEIAuauXcg');
INSERT INTO events VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760',4,1772352002000,'ATBt0aWx_OphklYF2Lk6E4DjL2xhCQ-ofkPX8Y7KSaNTu5E6IFOx49wEuHVQvAefYqFTtgiXgPF4tHwR10rKCuqyPa4G7EVegfQIyOCbp52epFQ6sXwYMIii3-d5C7NGIdjDOB7gRB67SoFFsMmHX9sLJY7ZjL_kf2LdIjgHc0waWUj6_vTYA76oaKMKAV1_n0_76V8-ZQq_ZAecKHaNkMoB9W2_z9jjHCnNB1XNs5WNN6Zda3zuy8xrgxu2VV6ESNMNiy-CzbmY0F1T2OLr3k6Puqj6xRPe8XBy3ixkxbo7QNwcM8eWbcvFm7MFYWB7Q86Tm9bEINi1NUnW');
INSERT INTO events VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',1,1772352003000,'AdKjQH3_Anu85Z7M5TegTTToVEXFeOS-U819BAUh0fmMH0cMJ-6NrxYbOdA4Cm7Sp0pwKN5vtbjL6H718Mz0fPAA1imSHsWuAdWYij6b-j7z15XUCpVcnbb5bO3jvoEB4_fEykEhXa9yurW_HGycOc0JPWRB4KzIDGhDx8cElKFiALr6tFNhjg');
INSERT INTO events VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',2,1772352003000,'ATjtE0HFP3ODRbW3uS3qPuY8Qtf6uNnxunwFYAklTf-kPEQTPByx_k4xCHWTro1Pl8M6s2qcniV3jopxrcwqzTexo0ETE4Kl1WgUWApFJ0-90ild7z1jKT5Gvb5bURLmuja1q28ATnalVJ91qAJN4gscS4P-CdJfIQJXNMFam1trBrzsS9FezSbNvM4nHKGITQtmOGnw_NyZ9lactgpTh_KSKhXqq_tWtkAimcin0Y4qFV-4oXtLPIIS6wZle4po4XMqPpQXrxQxT9B-rpoprzuYTXSHgjVrdQje9Y2fbOfJ8HuZIqDYvsiHKmn3GvX8v-XGuq3t5jXofjt1c_ZEvC8G5NqeVJOke9bRL7bSH8LNIa9YG6ULF1yFYb9XfhT27Nuq-ppyy5y-neiBxy2dJGgDjriBOFomvTF6Kgfbzt4lIQYm9GduL5Bs4yCpQ9AGjRhT1_fX4_sOR7OaPeu3AjE0vua7Gnl9H8p9fMBx-F-in-DzmvsVtdtiSvIdhH_U_gWMvbY22nrCNQ81TJxd3DbwCdi3inYbw4n51T-YnQ7Q_J-TLIr9YvDMfIaoE_p6Ib-KU2DqXlKQEqcsliI9xXZ-Zusy6RYnsMkZUb2dyqzp_nW2VfiCuiOCmwNzpvZcvtTzoZ2lO5K6bt6xgBsVHONnl8vSJTIMsNQzejwFOlFZKIzQCoFTgb6rN14Map5k10CaQmVmtVmouPtWaeMvIg');
INSERT INTO events VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',3,1772352003000,'AX6FtN0T1TVZeer3XSe2xnDxtWpsfCxr2zfh3mWF2GGK8PC1ZkGGOclVPgyxKZIzQ0csA0Oyhpo8hK18QEKN-vKJ1CqPv0ESLiZ9IWf0wJNvtZ0PXjUixZf7HFCmSfXV9aImRwQ5_sE3OQfWTcucP3Gqp8HYobgnay86uZsMSbFXztnzsfvd6m85uR5-7jBKJXCbtYqJ4hgbILg4wAuywJe7qk4qKs2MNOonfh4xVdi-5Ri0ce2Ne_XxMoysc6o0b7UcR5aL_zMyH09dzHwDLWbDr-o67rMPoi-H4ciwIzxAoxlv-B9g5IhvIZYGEylk54qUPftfDi13IUU_N8r7Q6YxNE1o-UhsSO9V');
INSERT INTO events VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',4,1772352003000,'AVtExho2Q3m_OtxP6o05X1K7zL1SNfmSW9U6J5W-g_s5eUtnQIM0dvuxU9_FkEdiiUIyY5v8QnruDenQmGOt8Om-ktThZJtx6-rKSWfhsoLaJiD2y_E9yi6XzRInh34zSMnMm2xg2s1q5coOFMRKs-8QcD0C2JFmHiRo7KdTd3gmnsjNt5Twa7fcqWFEjtWtclTGxmTtYJOw9tETunDV-uOqYp_bq11PCWeSEPxY6zkwfW0GEK0zM_4NKVn669GFKFmH5SnTgcUQ7SfF5f5QN3yZ9XQspCrxE--WKD2SsqUA979j8CAKRGhMZr8u3uGv8zNACEFooNc5zzLFSRFP33_MwYKX-JIx7aUpDVluDh0qUvw-4A4vZ0sbtnbK');
INSERT INTO events VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9',5,1772352003000,'AafC1hbbaRj1_m4rxgr33P6SId1I5aoq5BXZ93-PIGKF1vQPaPw5hIgXBNRMKtfJr4eSzcVGS2-K8kj6X8rX9fs4g5-hQPlVDAjuAHA0Nx12FUSGKWmaJGufPInAK0R5po9xOzAxWEAVOgV0YYuqk5LUmz8ps6st9dT-6nTknUBeuZEQFoOfsfmpX12ZKbjmgEVRQRwj-TPjDx3TzEpbBV7vg8ayo6FoNCBSfxtj1_Shb59AcFtZn4lGfQRW9Y0OOR19Res3V6233IF6Wcjay3QTqF8dE6ANamirz0nBRKdK2uOrDv3wCxfHQ3AH');
INSERT INTO events VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1',1,1772352000000,'AVk3K2rHt3fOGdL4VLTTFK7n9Jh-SijnppX94TptYHWoDUd6hqQPl3gBCNpIqwX2DGsZsfpgmvm0mIhueKPrXE7m0d1nEWIah3yaClk0vZGeYQpAb6kJ2UVt37krbWx6eGenqFzNdQlMZ2gDY2UBUGIdAoA12jeYiyXGpRQ8-cmc_XQzR0BSvg');
INSERT INTO events VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1',2,1772352000000,'AQm1TtbSI1fRXhKF8rpqDhvec3QVMydUKQ5WXjjnjYgzJltDrkCwTUh6zJYydTDURKnPc7xUjKC5223wb-YfgvdmeD0yS9mmWVD4mzpW2CJpMlCdAIo8K--1kamoRBfHKTd8XLvYgR0yefmFRkrooUT2UcLh3c42Dzb5nqLsGq_l7mnwY_PArlYg7WkW0gKzgVV-QXrkB6Yocn6KOPF_dG8dhgNpCGlsTezZHogSnY-cYPxljJTOoRNdVj-a-Z_dTDv17kByIYPgNhrrm7RKKxmtsrveZ2ve-13wTi6lFvZuw_ueQKD_6mG9Dtv--mJcFSUYgjMWl8ljjFUB');
INSERT INTO events VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1',3,1772352000000,'AYOwm4AjcIowInOf1DQ8GbVoTlTnvcpT32j8XUOrSsvKi7Ue-KOjrjEDnTA3jET8wEffHor0NffidrxzcuJ546XAzZB1PbmH47HkJyb1Hw_1TCX-7v2Jtpew_v81nN_DTGnRMBBhm6xfVKEe2BKB0jRZ8S96W8xEDOpIqUCfK8UPkVmg0Z6LSS94W4vEEybMJVvzGB1NLhIRGKipL0oLP5YXBwKDaDw3ktf9YYvuXsXF7lxZPeZdNDsuR42m72FMT7bzhXp_ZafLeGu26bBXSri1P333ttd4bYIQAmAAHNFW7uS1vQN4o1hwqwT4nnTk4bk9Yi0hZ1PteUJ9');
CREATE TABLE client_messages (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    -- 'citizen', or the agent's id
    sender        TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- The first event it made, where it made one.
    seq           INTEGER,
    PRIMARY KEY (conversation, sender, id)
) STRICT, WITHOUT ROWID;
INSERT INTO client_messages VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90','citizen','w1',3);
INSERT INTO client_messages VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760','citizen','h1',4);
INSERT INTO client_messages VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1','citizen','b1',2);
INSERT INTO client_messages VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1','citizen','b2',3);
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
INSERT INTO audit VALUES(1,1772352000000,'system','','','person.added','person:75eba391-a726-475f-a9c3-65c747043d61','{"name":"agent","roles":["agent"]}',X'fedd4d3d3a9373d1bd0df46dc911cfeca4454ce8222b7fec8aca39b70ab41747');
INSERT INTO audit VALUES(2,1772352001000,'system','','','handoff.escalated','conversation:4dadcf7b-7bc6-4e42-98e1-1f0695b00d90','{"citizen":false,"outcome":"asked","seq":2}',X'cac64203c4bf9a99e73b4972cbe5a5a3abf1967488e0d23fe8a24a3fd5e24278');
INSERT INTO audit VALUES(3,1772352002000,'system','','','handoff.escalated','conversation:4fa18b32-c5ec-40a6-b905-6147cc0dc760','{"citizen":false,"outcome":"asked","seq":2}',X'94d8c0932c390941da14bc50e7a05359cb176a644870e7b5760a40102009329c');
INSERT INTO audit VALUES(4,1772352002000,'person','75eba391-a726-475f-a9c3-65c747043d61','agent','handoff.agent_joined','conversation:4fa18b32-c5ec-40a6-b905-6147cc0dc760','{"citizen":false,"seq":3}',X'521cf9419d8195d9c23982f91f14070b31d99bfe599d34c8f47ce1f61300543d');
INSERT INTO audit VALUES(5,1772352003000,'system','','','handoff.escalated','conversation:52881e29-e6a9-4ebd-8da9-1c0854437ec9','{"citizen":false,"outcome":"asked","seq":2}',X'1c47c4ca882c941debadd105a7177d4d4cb59c2402b7df4df5a46ba7d89767f3');
INSERT INTO audit VALUES(6,1772352003000,'person','75eba391-a726-475f-a9c3-65c747043d61','agent','handoff.agent_joined','conversation:52881e29-e6a9-4ebd-8da9-1c0854437ec9','{"citizen":false,"seq":3}',X'576e7443bbf136073fdf6389ba0e8949393e50502df620a57392f4ce8789c707');
INSERT INTO audit VALUES(7,1772352003000,'person','75eba391-a726-475f-a9c3-65c747043d61','agent','handoff.agent_left','conversation:52881e29-e6a9-4ebd-8da9-1c0854437ec9','{"citizen":false,"outcome":"resolved","seq":4}',X'f0b51528a16a22b5692466dbaf987bcbeb9ba64b64c8fb71bca9c2925673dc5e');
INSERT INTO audit VALUES(8,1772352003000,'system','','','handoff.closed','conversation:52881e29-e6a9-4ebd-8da9-1c0854437ec9','{"citizen":true,"outcome":"citizen","seq":5}',X'dac97449c4b5f86a163fe3a74c183902b9e4d8c94b60bc78de60670dfd7f8cdf');
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
INSERT INTO agents VALUES('75eba391-a726-475f-a9c3-65c747043d61','agent','agent','["bo","zh"]','["agent"]','[]',100,0,'$argon2id$test',0,0,NULL,NULL,0,0,NULL,NULL,1772352000000);
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
INSERT INTO data_keys VALUES('4dadcf7b-7bc6-4e42-98e1-1f0695b00d90','cdbdeb9f1d6074c9',X'01161557d0259dd9a00bc21a5feccfbb04886246fd23014f328069caee75050c2af6374d4966f557b99ad87e3e3c43196d8d3876e4431c2b6576085721');
INSERT INTO data_keys VALUES('4fa18b32-c5ec-40a6-b905-6147cc0dc760','cdbdeb9f1d6074c9',X'01a53a2c0ef4c5d050ac431ff6c40fa4f49bd2381986dbab0ce56262682324d63caa1aad0d88819cdd24443e8102fb89b33dfea41322e18210a63f8fe2');
INSERT INTO data_keys VALUES('52881e29-e6a9-4ebd-8da9-1c0854437ec9','cdbdeb9f1d6074c9',X'01a95c996b847810a2a98d3026953a1a2cd0d57e0c7c98472914153f3d58d9d07a5066037f5b6aecc6e5f9439d661ed9cfbbd8db2b69c4a40c9fbc4150');
INSERT INTO data_keys VALUES('8bbcefda-f9b7-43b4-8116-0f0de3d3c5f1','cdbdeb9f1d6074c9',X'013175fbc2bf6820824a18c8dea8e8a9399340efc938e73f5864f3a81f1adf8452f77c61c8f4338ec69dc5f95f2e0a46fa20e896e96a578ffce5d22c42');
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
INSERT INTO key_places VALUES('/tmp/dump5/store.key.erased','journal',0,NULL);
CREATE TABLE vault (
    name          TEXT    PRIMARY KEY,
    value         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO vault VALUES('database','805bc6205e94bf8925d5de473a785616');
INSERT INTO vault VALUES('folding','2');
INSERT INTO vault VALUES('master','cdbdeb9f1d6074c9');
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
CREATE TABLE webhook_deliveries (
    -- The same for every attempt.
    id            TEXT    PRIMARY KEY,
    -- The receiver's name in the configuration.
    hook          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    -- JSON, byte for byte as it is signed.
    body          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    attempts      INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next, and until when the one who tries has it for itself; NULL once given up.
    next_at       INTEGER,
    last_error    TEXT
) STRICT;
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
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (next_at) WHERE next_at IS NOT NULL;
-- Which conversation a telephone call is, by the id that the PBX knows it by: opaque, no number. What an agent's screen asks for.
CREATE TABLE calls (
    call          TEXT    PRIMARY KEY,
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE
) STRICT;

CREATE INDEX calls_by_conversation ON calls (conversation);
-- What operators keep beside conversations: canned replies, changes of the knowledge base on their way, hours, the published files.
CREATE TABLE papers (
    -- canned_reply, proposal, setting, knowledge
    kind          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    -- Counts from 1, one more with every change.
    version       INTEGER NOT NULL,
    -- JSON
    body          TEXT    NOT NULL,
    at            INTEGER NOT NULL,
    -- The name that whoever changed it last logs in with.
    by            TEXT    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Counts for the console, written with the events that they count. No citizen's words; a place is a prefecture at the closest.
CREATE TABLE figures (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Days since 1970-01-01, in China (UTC+8).
    day           INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    -- bo, zh
    language      TEXT    NOT NULL,
    -- What it is divided by: a topic, a prefecture, an entry; empty where by nothing.
    key           TEXT    NOT NULL,
    count         INTEGER NOT NULL,
    -- The sum of what was measured, such as seconds of waiting.
    total         REAL    NOT NULL
) STRICT;

CREATE INDEX figures_by_day ON figures (day, name);

-- Questions that the assistant did not resolve: where they stand, not what they say.
CREATE TABLE unresolved (
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq           INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    language      TEXT    NOT NULL,
    -- not_understood, wrong_answer, handed_over
    kind          TEXT    NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX unresolved_by_time ON unresolved (at);

-- Recordings that citizens have left, with the question that they confirmed. They end with their conversation.
CREATE TABLE recordings (
    id            TEXT    PRIMARY KEY,
    conversation  TEXT    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    at            INTEGER NOT NULL,
    language      TEXT    NOT NULL,
    seconds       REAL    NOT NULL,
    -- JSON with what was confirmed, sealed like an event.
    body          TEXT    NOT NULL,
    -- The sound, sealed.
    sound         BLOB    NOT NULL
) STRICT;

CREATE INDEX recordings_by_time ON recordings (at);
CREATE INDEX recordings_by_conversation ON recordings (conversation);
COMMIT;
