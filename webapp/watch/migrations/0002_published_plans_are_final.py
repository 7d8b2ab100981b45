"""Let the database itself keep published plans as they were: they may only be marked as replaced, their cameras not touched."""

from django.db import migrations

PROTECT = """
CREATE FUNCTION watch_keep_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    replaced watch_watchplan%ROWTYPE;
BEGIN
    IF OLD.state = 'draft' THEN
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        replaced := OLD;
        replaced.state := 'replaced';
        IF NEW IS NOT DISTINCT FROM replaced THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'watch plan % is %, so it is final: % refused', OLD.id, OLD.state, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER watch_plan_final BEFORE UPDATE OR DELETE ON watch_watchplan
    FOR EACH ROW EXECUTE FUNCTION watch_keep_published_plan();

CREATE FUNCTION watch_keep_published_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM watch_watchplan p WHERE p.id IN (OLD.plan_id, NEW.plan_id) AND p.state <> 'draft') THEN
        RAISE EXCEPTION 'the cameras of a published watch plan are final: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER watch_items_final BEFORE INSERT OR UPDATE OR DELETE ON watch_watchitem
    FOR EACH ROW EXECUTE FUNCTION watch_keep_published_items();
"""

RELEASE = """
DROP TRIGGER watch_items_final ON watch_watchitem;
DROP FUNCTION watch_keep_published_items();
DROP TRIGGER watch_plan_final ON watch_watchplan;
DROP FUNCTION watch_keep_published_plan();
"""


class Migration(migrations.Migration):
    dependencies = [("watch", "0001_initial")]

    operations = [migrations.RunSQL(PROTECT, RELEASE)]
