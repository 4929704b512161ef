-- Figures of closed quarters as they were published: said once, never changed. Replaces counts_published.
SET LOCAL lock_timeout = '3s';

CREATE TABLE published_figure (
    kreis text NOT NULL CHECK (kreis ~ '^[0-9]{5}$'),
    figure text NOT NULL,
    quarter date NOT NULL CHECK (quarter = date_trunc('quarter', quarter::timestamp)::date),
    part text NOT NULL,
    low integer NOT NULL CHECK (low >= 0),
    high integer CHECK (high >= low),
    k integer NOT NULL CHECK (k >= 3),
    counted_on date NOT NULL,
    PRIMARY KEY (kreis, figure, quarter, part)
);
COMMENT ON COLUMN published_figure.quarter IS 'first day of the quarter';
COMMENT ON COLUMN published_figure.high IS 'null: from low on; from 0 on says nothing';

SELECT runtime.restrict_table('published_figure', 'SELECT, INSERT');

-- Which Kreise have which figure of which quarter, for what is due.
CREATE VIEW status.published_figure AS
SELECT DISTINCT kreis, figure, quarter FROM published_figure;
CREATE VIEW status.kreis AS SELECT DISTINCT kreis FROM course;
