-- How text is found. The folding is one and the same for what is kept and for what is asked, and no affair of the database's
-- locale: Latin loses its case and diacritics, Arabic its tatweel, its vowels and the forms of alef, ya and ta marbuta.
CREATE FUNCTION "search_fold"(given text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN replace(replace(replace(translate(
    regexp_replace(lower(normalize(left(given, 20000), NFKD) COLLATE "C"),
      '[\u00ad\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u200c-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+', '', 'g'),
    'ىةٱیکŒÆẞøØłŁđĐı٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹', 'يهايكœæßoollddi01234567890123456789'), 'œ', 'oe'), 'æ', 'ae'), 'ß', 'ss');
END $$;--> statement-breakpoint
-- The words of a folded text, in order: whatever is neither a letter nor a digit stands between two of them.
CREATE FUNCTION "search_words"(folded text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN array_remove(regexp_split_to_array(folded COLLATE "C",
    '[\u0001-\u002f\u003a-\u0060\u007b-\u00a9\u00ab-\u00b4\u00b6-\u00b9\u00bb-\u00bf\u00d7\u00f7\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u06dd\u06de\u06e9\u06fd\u06fe\u2000-\u206f\u20a0-\u20cf\u2100-\u2bff\u2e00-\u2e7f\u3000-\u3020\u3030\ufd3e\ufd3f\ufe00-\ufe6f\ufff0-\uffff\U0001f000-\U0001faff]+'), '');
END $$;--> statement-breakpoint
-- An Arabic word without its article, and without what is written together with that.
CREATE FUNCTION "search_bare"(word text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN regexp_replace(word COLLATE "C", '^(?:ال(?=..)|(?:[وفبك]ال|لل)(?=...))', '');
END $$;--> statement-breakpoint
-- What a text is found by. Each lexeme begins with the end of its workspace's id, so that the index is walked for one tenant
-- alone; a number as long as a telephone's is found by its last digits too, however it was grouped.
CREATE FUNCTION "search_document"(workspace_id uuid, given text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  tenant text := right(workspace_id::text, 6);
  folded text := public.search_fold(given);
  words text[] := public.search_words(folded);
  forms text[];
BEGIN
  forms := words;
  IF folded ~ '[0-9][0-9 ().+/-]{5,}[0-9]' THEN
    forms := forms || array(
      SELECT DISTINCT right(number, digits)
      FROM (
        SELECT word FROM unnest(words) AS word
        UNION ALL
        SELECT regexp_replace(run[1], '[^0-9]', '', 'g') FROM regexp_matches(folded, '[0-9]+(?:[ ().+/-]{1,3}[0-9]+)+', 'g') AS run
      ) AS held (number), generate_series(4, length(number)) AS digits
      WHERE number ~ '^[0-9]{7,15}$');
  END IF;
  IF folded ~ 'ال|لل' THEN
    forms := forms || array(SELECT public.search_bare(word) FROM unnest(words) AS word WHERE word ~ '^(?:[وفبك]?ال|لل)');
  END IF;
  RETURN array_to_tsvector(array(SELECT tenant || left(form, 60) FROM unnest(forms) AS form));
END $$;--> statement-breakpoint
-- What is asked for, word by word. Of the last one the beginning is enough; numbers side by side may be one, as on a telephone.
CREATE FUNCTION "search_terms"(workspace_id uuid, asked text) RETURNS tsquery[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  tenant text := right(workspace_id::text, 6);
  words text[] := public.search_words(public.search_fold(asked));
  forms text[];
  number text;
  terms tsquery[] := '{}';
  beyond int;
  at int := 1;
BEGIN
  forms := array(
    SELECT format('''%s%s''%s', tenant, left(form, 60), CASE WHEN nth = cardinality(words) AND length(form) > 1 THEN ':*' END)
    FROM (SELECT public.search_bare(word), nth FROM unnest(words) WITH ORDINALITY AS given (word, nth)) AS bare (form, nth) ORDER BY nth);
  WHILE at <= cardinality(words) LOOP
    beyond := at;
    number := '';
    WHILE words[beyond] ~ '^[0-9]+$' LOOP
      number := number || words[beyond];
      beyond := beyond + 1;
    END LOOP;
    number := ltrim(number, '0');
    IF number ~ '^[0-9]{4,15}$' AND number <> words[at] THEN
      terms := terms || format('''%s%s''%s | (%s)', tenant, number, CASE WHEN beyond > cardinality(words) THEN ':*' END,
        array_to_string(forms[at:beyond - 1], ' & '))::tsquery;
      at := beyond;
    ELSE
      terms := terms || forms[at]::tsquery;
      at := at + 1;
    END IF;
  END LOOP;
  RETURN terms;
END $$;
--> statement-breakpoint
CREATE TABLE "conversation_assignments" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"from_id" uuid,
	"to_id" uuid,
	"assigned_by" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "conversation_assignments_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "notes" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"conversation_id" uuid,
	"ticket_id" uuid,
	"text" text NOT NULL,
	"author" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "notes_workspace_id_id_pk" PRIMARY KEY("workspace_id","id"),
	CONSTRAINT "notes_one_subject" CHECK (num_nonnulls(conversation_id, ticket_id) = 1)
);
--> statement-breakpoint
CREATE TABLE "message_words" (
	"workspace_id" uuid NOT NULL,
	"message_id" uuid NOT NULL,
	"conversation_id" uuid NOT NULL,
	"document" "tsvector" NOT NULL,
	CONSTRAINT "message_words_workspace_id_message_id_pk" PRIMARY KEY("workspace_id","message_id")
);
--> statement-breakpoint
CREATE TABLE "invitation_digests" (
	"digest" text PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"member_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "members" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text,
	"email" text NOT NULL,
	"role" text NOT NULL,
	"status" text DEFAULT 'invited' NOT NULL,
	"invited_at" timestamp (3) with time zone NOT NULL,
	"invitation_expires_at" timestamp (3) with time zone,
	"joined_at" timestamp (3) with time zone,
	"removed_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "members_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "ticket_numbers" (
	"workspace_id" uuid PRIMARY KEY NOT NULL,
	"last_number" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tickets" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"number" integer NOT NULL,
	"subject" text NOT NULL,
	"description" text,
	"status" text DEFAULT 'open' NOT NULL,
	"priority" text DEFAULT 'normal' NOT NULL,
	"assignee_id" uuid,
	"conversation_id" uuid,
	"contact_id" uuid,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_by" jsonb NOT NULL,
	"resolved_at" timestamp (3) with time zone,
	"closed_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "tickets_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "assignee_id" uuid;--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "ticket_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "conversation_assignments" ADD CONSTRAINT "conversation_assignments_workspace_id_conversation_id_conversations_workspace_id_id_fk" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_assignments" ADD CONSTRAINT "conversation_assignments_workspace_id_from_id_members_workspace_id_id_fk" FOREIGN KEY ("workspace_id","from_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "conversation_assignments" ADD CONSTRAINT "conversation_assignments_workspace_id_to_id_members_workspace_id_id_fk" FOREIGN KEY ("workspace_id","to_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_workspace_id_conversation_id_conversations_workspace_id_id_fk" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_workspace_id_ticket_id_tickets_workspace_id_id_fk" FOREIGN KEY ("workspace_id","ticket_id") REFERENCES "public"."tickets"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invitation_digests" ADD CONSTRAINT "invitation_digests_workspace_id_member_id_members_workspace_id_id_fk" FOREIGN KEY ("workspace_id","member_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "members" ADD CONSTRAINT "members_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ticket_numbers" ADD CONSTRAINT "ticket_numbers_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_workspace_id_assignee_id_members_workspace_id_id_fk" FOREIGN KEY ("workspace_id","assignee_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_workspace_id_conversation_id_conversations_workspace_id_id_fk" FOREIGN KEY ("workspace_id","conversation_id") REFERENCES "public"."conversations"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tickets" ADD CONSTRAINT "tickets_workspace_id_contact_id_contacts_workspace_id_id_fk" FOREIGN KEY ("workspace_id","contact_id") REFERENCES "public"."contacts"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "conversation_assignments_workspace_id_conversation_id_id_index" ON "conversation_assignments" USING btree ("workspace_id","conversation_id","id");--> statement-breakpoint
CREATE INDEX "notes_of_conversation" ON "notes" USING btree ("workspace_id","conversation_id","id") WHERE conversation_id is not null;--> statement-breakpoint
CREATE INDEX "notes_of_ticket" ON "notes" USING btree ("workspace_id","ticket_id","id") WHERE ticket_id is not null;--> statement-breakpoint
CREATE INDEX "message_words_document" ON "message_words" USING gin ("document");--> statement-breakpoint
CREATE UNIQUE INDEX "invitation_digests_member" ON "invitation_digests" USING btree ("workspace_id","member_id");--> statement-breakpoint
CREATE UNIQUE INDEX "members_email" ON "members" USING btree ("workspace_id","email");--> statement-breakpoint
CREATE UNIQUE INDEX "tickets_number" ON "tickets" USING btree ("workspace_id","number");--> statement-breakpoint
CREATE INDEX "tickets_workspace_id_updated_at_id_index" ON "tickets" USING btree ("workspace_id","updated_at","id");--> statement-breakpoint
CREATE INDEX "tickets_workspace_id_status_id_index" ON "tickets" USING btree ("workspace_id","status","id");--> statement-breakpoint
CREATE INDEX "tickets_assigned" ON "tickets" USING btree ("workspace_id","assignee_id","id") WHERE assignee_id is not null;--> statement-breakpoint
CREATE INDEX "tickets_unassigned" ON "tickets" USING btree ("workspace_id","id") WHERE assignee_id is null;--> statement-breakpoint
CREATE INDEX "tickets_document" ON "tickets" USING gin (search_document(workspace_id, number::text || ' ' || subject || ' ' || coalesce(description, '')));--> statement-breakpoint
CREATE INDEX "tickets_of_conversation" ON "tickets" USING btree ("workspace_id","conversation_id","id") WHERE conversation_id is not null;--> statement-breakpoint
CREATE INDEX "tickets_of_contact" ON "tickets" USING btree ("workspace_id","contact_id","id") WHERE contact_id is not null;--> statement-breakpoint
ALTER TABLE "conversations" ADD CONSTRAINT "conversations_workspace_id_assignee_id_members_workspace_id_id_fk" FOREIGN KEY ("workspace_id","assignee_id") REFERENCES "public"."members"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "contact_identities_document" ON "contact_identities" USING gin (search_document(workspace_id, value));--> statement-breakpoint
CREATE INDEX "contacts_document" ON "contacts" USING gin (search_document(workspace_id, coalesce(name, '') || ' ' || coalesce(external_id, '')));--> statement-breakpoint
CREATE INDEX "conversations_assigned" ON "conversations" USING btree ("workspace_id","assignee_id","last_message_at","id") WHERE assignee_id is not null;--> statement-breakpoint
CREATE INDEX "conversations_unassigned" ON "conversations" USING btree ("workspace_id","last_message_at","id") WHERE assignee_id is null;--> statement-breakpoint
CREATE INDEX "conversations_document" ON "conversations" USING gin (search_document(workspace_id, subject)) WHERE subject is not null;--> statement-breakpoint
-- What is said in a message is what its text or its caption says.
CREATE FUNCTION "keep_message_words"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  words tsvector;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM public.message_words WHERE workspace_id = OLD.workspace_id AND message_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    words := public.search_document(NEW.workspace_id, coalesce(NEW.content ->> 'text', NEW.content ->> 'caption'));
    IF length(words) > 0 THEN
      INSERT INTO public.message_words (workspace_id, message_id, conversation_id, document)
        VALUES (NEW.workspace_id, NEW.id, NEW.conversation_id, words);
    END IF;
  END IF;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "messages_words" AFTER INSERT OR DELETE OR UPDATE OF "content" ON "messages" FOR EACH ROW EXECUTE FUNCTION "keep_message_words"();--> statement-breakpoint
INSERT INTO "message_words" ("workspace_id", "message_id", "conversation_id", "document") SELECT "workspace_id", "id", "conversation_id", "words" FROM "messages", LATERAL search_document("workspace_id", coalesce("content" ->> 'text', "content" ->> 'caption')) AS "words" WHERE length("words") > 0;
