"""SQL texts and the rule each breaks: the loss of all rows, tables and databases beside what only looks like it."""

from __future__ import annotations

import pytest

from detectors.destructive.effects import NARROW, ORDER, REVERSIBLE, WIDE, verdict
from detectors.destructive.sql import analyse_sql

RULES = {"W": WIDE, "N": NARROW, "R": REVERSIBLE, None: None}
CASES = [  # text, rule, why
    ("DROP TABLE users", "W", "a table"),
    ("drop table if exists users cascade", "W", "lower case"),
    ("DROP TABLE a, b", "W", "two"),
    ("DROP/**/TABLE users", "W", "a comment for a blank"),
    ("DROP -- soon\n TABLE users", "W", "a comment in between"),
    ("/*!50000 DROP TABLE users */", "W", "a comment that MySQL executes"),
    ("/* DROP TABLE users */ SELECT 1", None, "a comment"),
    ("-- DROP TABLE users\nSELECT 1", None, "a comment"),
    ("SELECT 'DROP TABLE users'", None, "a string"),
    ("INSERT INTO log VALUES ('DELETE FROM users')", None, "a string"),
    ("SELECT 1; DROP TABLE users", "W", "the second statement"),
    ("SELECT 1;;; TRUNCATE users", "W", "empty ones between"),
    ("DROP DATABASE shop", "W", "a database"),
    ("DROP SCHEMA public CASCADE", "W", "a schema"),
    ("DROP VIEW v", "R", "made again"),
    ("DROP INDEX i", "R", "made again"),
    ("DROP USER bob", "N", "an account"),
    ("DROP OWNED BY app", "W", "all that somebody owns"),
    ("DROP TABLE `weird", "W", "does not parse"),
    ("TRUNCATE TABLE users", "W", "all rows"),
    ("TRUNCATE a, b RESTART IDENTITY", "W", "all rows of two"),
    ("DELETE FROM users", "W", "all rows"),
    ("DELETE FROM users;", "W", "with a semicolon"),
    ("DELETE FROM users WHERE id = 3", None, "one row"),
    ("DELETE FROM users WHERE created < '2020-01-01'", None, "some rows"),
    ("DELETE FROM users WHERE 1=1", "W", "always true"),
    ("DELETE FROM users WHERE 1=2", None, "never true"),
    ("DELETE FROM users WHERE 2 > 1", "W", "always true"),
    ("DELETE FROM users WHERE 'a' = 'a'", "W", "always true"),
    ("DELETE FROM users WHERE TRUE", "W", "always true"),
    ("DELETE FROM users WHERE NOT FALSE", "W", "always true"),
    ("DELETE FROM users WHERE id = id", "W", "always true"),
    ("DELETE FROM users WHERE (id = 3) OR (1=1)", "W", "always true"),
    ("DELETE FROM users WHERE id = 3 AND 1=1", None, "one row"),
    ("DELETE FROM users WHERE name LIKE '%'", "W", "any name"),
    ("DELETE FROM users WHERE name LIKE 'a%'", None, "some names"),
    ("DELETE FROM users LIMIT 10", None, "ten"),
    ("UPDATE users SET admin = true", "W", "all rows"),
    ("UPDATE users SET admin = true WHERE 1", "W", "always true"),
    ("UPDATE users SET admin = true WHERE id = 3", None, "one row"),
    ("WITH d AS (DELETE FROM users RETURNING *) SELECT count(*) FROM d", "W", "inside a CTE"),
    ("WITH d AS (SELECT id FROM users) SELECT * FROM d", None, "a CTE"),
    ("ALTER TABLE users DROP COLUMN email", "N", "a column"),
    ("ALTER TABLE users ADD COLUMN email text", None, "added"),
    ("ALTER TABLE users DROP CONSTRAINT c", "R", "made again"),
    ("ALTER TABLE t DROP PARTITION p0", "N", "a part"),
    ("EXPLAIN DELETE FROM users", None, "only planned"),
    ("EXPLAIN ANALYZE DELETE FROM users", "W", "planned and done"),
    ("BEGIN; DELETE FROM users; ROLLBACK", None, "taken back"),
    ("BEGIN; DELETE FROM users; COMMIT", "W", "kept"),
    ("BEGIN; DELETE FROM a WHERE id=1; ROLLBACK; DELETE FROM users", "W", "after it was taken back"),
    ("CREATE TEMP TABLE t (a int); DROP TABLE t", None, "its own"),
    ("CREATE TABLE t (a int)", None, "created"),
    ("CREATE OR REPLACE TABLE t AS SELECT 1", "W", "replaced"),
    ("INSERT OVERWRITE TABLE t SELECT 1", "W", "overwritten"),
    ("INSERT INTO t SELECT 1", None, "added"),
    ("SELECT * FROM deleted_users", None, "a name"),
    ("SELECT drop_date FROM t", None, "a name"),
    ("delete the file please", None, "no SQL"),
    ("", None, "nothing"),
    (";;;", None, "nothing"),
]


@pytest.mark.parametrize(("text", "expected", "why"), CASES, ids=[case[0][:60] for case in CASES])
def test_case(text: str, expected: str | None, why: str) -> None:
    broken = {verdict(effect) for effect in analyse_sql(text)}
    assert next((rule for rule in ORDER if rule in broken), None) == RULES[expected], why


def test_the_target_is_named() -> None:
    (effect,) = analyse_sql('DROP TABLE "Public"."Users"')
    assert effect.target == "Public.Users"


def test_production_in_a_name_is_noticed() -> None:
    (effect,) = analyse_sql("ALTER TABLE prod.users DROP COLUMN email")
    assert effect.production
