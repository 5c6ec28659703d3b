-- The history of meetings. Times are milliseconds since 1970 (UTC); NULL: not yet.

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

-- From when somebody enters an empty room until nobody is in it.
CREATE TABLE meeting (
  id INTEGER PRIMARY KEY,
  room TEXT NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER
) STRICT;
CREATE INDEX meeting_of_room ON meeting (room, began);
CREATE INDEX meeting_by_time ON meeting (began);

-- A stay of somebody. `participant` is its number in the logs and traces of one run of the server.
CREATE TABLE person (
  id INTEGER PRIMARY KEY,
  meeting INTEGER NOT NULL REFERENCES meeting ON DELETE CASCADE,
  participant INTEGER NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  entered INTEGER NOT NULL,
  exited INTEGER,
  why TEXT
) STRICT;
CREATE INDEX person_of_meeting ON person (meeting);

-- From `at` on, the viewer gets the picture, or not, for this reason.
CREATE TABLE picture (
  meeting INTEGER NOT NULL REFERENCES meeting ON DELETE CASCADE,
  viewer INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  publisher INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  source TEXT NOT NULL,
  at INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX picture_of_meeting ON picture (meeting, at);

-- A picture that stood still, and whose fault that was: `facts` is what `because` was made of (JSON).
CREATE TABLE freeze (
  id INTEGER PRIMARY KEY,
  meeting INTEGER NOT NULL REFERENCES meeting ON DELETE CASCADE,
  viewer INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  publisher INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  source TEXT NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER,
  culprit TEXT NOT NULL,
  confidence INTEGER NOT NULL,
  because TEXT NOT NULL,
  facts TEXT NOT NULL
) STRICT;
CREATE INDEX freeze_of_meeting ON freeze (meeting, began);
CREATE INDEX freeze_that_lasts ON freeze (viewer, publisher, source) WHERE ended IS NULL;

-- Somebody pressed "Report a problem".
CREATE TABLE mark (
  id INTEGER PRIMARY KEY,
  meeting INTEGER NOT NULL REFERENCES meeting ON DELETE CASCADE,
  person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX mark_of_meeting ON mark (meeting, at);
