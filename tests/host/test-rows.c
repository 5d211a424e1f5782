/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/rows.c: one token seen twice, two tokens that look alike, ids that stay with their
 * token, and what the dialog is told of each row. Listings go through the real reader.
 */
#include "host/rows.h"

#include "tests/host/harness.h"
#include "tests/support/assert.h"

#define NOW 1500
#define VALID "{'not_before': 1, 'not_after': 9000000000}"

typedef struct Fixture {
    GPtrArray *listings; /* of the modules */
    TbRowNames *names;
    GPtrArray *rows;
} Fixture;

static void
set_up(Fixture *fixture)
{
    *fixture = (Fixture){
        .listings = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref),
        .names = tb_row_names_new(),
    };
}

static void
tear_down(Fixture *fixture)
{
    g_clear_pointer(&fixture->rows, g_ptr_array_unref);
    g_ptr_array_unref(fixture->listings);
    tb_row_names_free(fixture->names);
}

/* A module's listing (taken). */
static void
list(Fixture *fixture, json_t *listing)
{
    GError *error = NULL;
    GPtrArray *tokens = tb_listing_read(listing, fixture->listings->len, &error);

    g_assert_no_error(error);
    g_ptr_array_add(fixture->listings, tokens);
    json_decref(listing);
}

static void
forget(Fixture *fixture)
{
    g_clear_pointer(&fixture->rows, g_ptr_array_unref);
    g_ptr_array_set_size(fixture->listings, 0);
}

static void
make_rows(Fixture *fixture, guint64 doubtful)
{
    const TbFilter filter = {.purpose = TB_PURPOSE_AUTHENTICATE, .now = NOW};
    g_autoptr(GPtrArray) fitting = tb_selection_fitting(fixture->listings, &filter);
    g_autoptr(GPtrArray) hidden = g_ptr_array_new();

    for (guint i = 0; i < fixture->listings->len; i++) {
        const GPtrArray *tokens = fixture->listings->pdata[i];

        for (guint j = 0; j < tokens->len; j++) {
            TbToken *token = tokens->pdata[j];

            if (token->hidden)
                g_ptr_array_add(hidden, token);
        }
    }
    g_clear_pointer(&fixture->rows, g_ptr_array_unref);
    fixture->rows = tb_rows_new(fitting, hidden, doubtful, NOW, fixture->names);
}

/* The rows as "module/reader/id", where the certificate's own id is "A". */
static void
assert_rows(const Fixture *fixture, const char *expected)
{
    g_autofree char *id = tb_test_certificate_id("A");
    g_autoptr(GString) got = g_string_new(NULL);

    for (guint i = 0; i < fixture->rows->len; i++) {
        const TbRow *row = fixture->rows->pdata[i];

        g_string_append_printf(got, "%u/%s/%s ", row->token->module, row->token->reader, row->id);
    }
    g_string_replace(got, id, "A", 0);
    g_assert_cmpstr(got->str, ==, expected);
}

/* A token with certificate A, in a slot. */
static json_t *
card(guint slot, const char *serial, const char *reader, const char *pin)
{
    g_autofree char *changes = g_strdup_printf(
        "{'slot': %u, 'reader': '%s', 'pin': {'state': '%s', 'pad': false}}", slot, reader, pin);

    return tb_test_token(serial, changes, tb_test_certificate("A", VALID), NULL);
}

static json_t *
hidden(guint slot, const char *serial, const char *reader)
{
    g_autofree char *changes =
        g_strdup_printf("{'slot': %u, 'reader': '%s', 'hidden': true}", slot, reader);

    return tb_test_token(serial, changes, NULL);
}

#define MODULE(fixture, ...) list(fixture, tb_test_listing(__VA_ARGS__, NULL))

/* Two modules see one token: one row, by the first module that can use it. */
static void
test_one_token_twice(void)
{
    static const struct {
        const char *serials[2], *readers[2], *pins[2];
        guint64 doubtful;
        const char *rows;
    } rows[] = {
        {{"1", "1"}, {"R", "R"}, {"ok", "ok"}, 0, "0/R/A "},
        {{"1", "one"}, {"R", "R"}, {"ok", "ok"}, 0, "0/R/A "},
        {{"1", "1"}, {"R", "Slot 1"}, {"ok", "ok"}, 0, "0/R/A "},
        {{"1", "1"}, {"R", "R"}, {"locked", "ok"}, 0, "1/R/A "},
        {{"1", "1"}, {"R", "R"}, {"locked", "locked"}, 0, "0/R/A "},
        {{"1", "1"}, {"R", "R"}, {"ok", "ok"}, 1, "1/R/A "},
        {{"1", "1"}, {"R", "R"}, {"ok", "ok"}, 3, "0/R/A "},
        {{"1", "1"}, {"R", "R"}, {"ok", "locked"}, 1, "0/R/A "},
        /* Nothing speaks for one: two. */
        {{"1", "2"}, {"R", "S"}, {"ok", "ok"}, 0, "0/R/A 1/S/A.2 "},
        {{"", ""}, {"R", "S"}, {"ok", "ok"}, 0, "0/R/A 1/S/A.2 "},
        {{"1", "2"}, {"", ""}, {"ok", "ok"}, 0, "0//A 1//A.2 "},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Fixture fixture;

        set_up(&fixture);
        for (guint j = 0; j < 2; j++)
            MODULE(&fixture, card(j + 4, rows[i].serials[j], rows[i].readers[j], rows[i].pins[j]));
        make_rows(&fixture, rows[i].doubtful);
        g_test_message("row %u", i);
        assert_rows(&fixture, rows[i].rows);
        tear_down(&fixture);
    }
}

/* The same serial and label in two slots: two rows, told apart by the reader. */
static void
test_twins(void)
{
    Fixture fixture;

    set_up(&fixture);
    MODULE(&fixture, card(1, "1", "R", "ok"), card(2, "1", "S", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A 0/S/A.2 ");
    /* Another module that sees both adds none, and stands in for each. */
    MODULE(&fixture, card(8, "1", "S", "ok"), card(9, "1", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A 0/S/A.2 ");
    make_rows(&fixture, 1);
    assert_rows(&fixture, "1/S/A.2 1/R/A ");
    tear_down(&fixture);
}

/* An id is its token's as long as the dialog is open. */
static void
test_ids_stay(void)
{
    Fixture fixture;

    set_up(&fixture);
    MODULE(&fixture, card(1, "1", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A ");
    forget(&fixture);
    MODULE(&fixture, card(2, "1", "S", "ok")); /* a twin in its stead */
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/S/A.2 ");
    forget(&fixture);
    MODULE(&fixture, card(2, "1", "S", "ok"), card(1, "1", "R", "ok"), card(3, "2", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A 0/S/A.2 0/R/A.3 ");
    forget(&fixture);
    MODULE(&fixture, card(1, "1", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A ");
    tear_down(&fixture);
}

/* The row of a token is the same, whichever module shows it. */
static void
test_id_survives_a_module(void)
{
    Fixture fixture;

    set_up(&fixture);
    MODULE(&fixture, card(1, "1", "R", "ok"));
    MODULE(&fixture, card(5, "1", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "0/R/A ");
    forget(&fixture);
    MODULE(&fixture, NULL);
    MODULE(&fixture, card(5, "1", "R", "ok"));
    make_rows(&fixture, 0);
    assert_rows(&fixture, "1/R/A ");
    tear_down(&fixture);
}

static void
test_hidden(void)
{
    Fixture fixture;

    set_up(&fixture);
    MODULE(&fixture, hidden(1, "1", "R"), card(2, "2", "S", "ok"), hidden(3, "3", "T"));
    MODULE(&fixture, hidden(7, "1", "R"), card(8, "3", "T", "ok"), hidden(9, "2", "S"));
    make_rows(&fixture, 0);
    /* The third shows its certificate in the other module, so it hides nothing. */
    assert_rows(&fixture, "0/S/A 1/T/A.2 0/R/hidden ");
    tear_down(&fixture);
}

static void
test_hidden_choice(void)
{
    for (TbPurpose purpose = TB_PURPOSE_AUTHENTICATE; purpose <= TB_PURPOSE_SIGN; purpose++) {
        json_t *expected = tb_test_json(
            "[{'id': 'hidden', 'name': '', 'issuer_name': '', 'token': 'Card', 'reader': 'R', "
            "'not_before': 0, 'not_after': 0, 'usable': true, 'pin': {'state': 'ok', 'pad': "
            "false, 'min': 4, 'max': 8}, 'needs_pin': true, 'hidden': true}]");
        Fixture fixture;
        json_t *choices;

        set_up(&fixture);
        MODULE(&fixture, hidden(1, "1", "R"));
        make_rows(&fixture, 0);
        choices = tb_rows_choices(fixture.rows, purpose, NOW);
        g_assert_true(json_equal(choices, expected));
        json_decref(choices);
        json_decref(expected);
        tear_down(&fixture);
    }
}

static void
test_hidden_to_be_changed(void)
{
    Fixture fixture;
    json_t *choices, *choice;

    set_up(&fixture);
    MODULE(&fixture,
           tb_test_token("1", "{'hidden': true, 'pin': {'state': 'to_be_changed', 'pad': false}}",
                         NULL));
    make_rows(&fixture, 0);
    choices = tb_rows_choices(fixture.rows, TB_PURPOSE_AUTHENTICATE, NOW);
    choice = json_array_get(choices, 0);
    g_assert_true(json_is_false(json_object_get(choice, "usable")));
    g_assert_cmpstr(json_string_value(json_object_get(choice, "problem")), ==, "pin_to_be_changed");
    json_decref(choices);
    tear_down(&fixture);
}

static void
test_too_many(void)
{
    json_t *listing = tb_test_listing(NULL, NULL);
    Fixture fixture;

    for (guint i = 0; i < 200; i++)
        json_array_append_new(json_object_get(listing, "tokens"),
                              tb_test_token("1", NULL, tb_test_certificate("A", VALID),
                                            tb_test_certificate("B", VALID), NULL));
    set_up(&fixture);
    list(&fixture, listing);
    make_rows(&fixture, 0);
    g_assert_cmpuint(fixture.rows->len, ==, TB_ROWS_MAX);
    tear_down(&fixture);
}

static void
test_choices(void)
{
    static const struct {
        TbPurpose purpose;
        const char *pad;
        gboolean needs_pin;
    } rows[] = {
        {TB_PURPOSE_AUTHENTICATE, "false", TRUE},
        {TB_PURPOSE_SIGN, "false", TRUE},
        {TB_PURPOSE_CHOOSE, "false", FALSE},
        {TB_PURPOSE_AUTHENTICATE, "true", TRUE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *id = tb_test_certificate_id("A");
        g_autofree char *token = g_strdup_printf(
            "{'pin': {'state': 'low', 'pad': %s, 'min': 4, 'max': 8}}", rows[i].pad);
        g_autofree char *text = g_strdup_printf(
            "[{'id': '%s', 'name': 'A', 'issuer_name': 'Some CA', 'token': 'Card', 'reader': "
            "'Reader 1', 'not_before': 1, 'not_after': 9000000000, 'usable': true, 'pin': "
            "{'state': 'low', 'pad': %s, 'min': 4, 'max': 8}, 'needs_pin': %s}]",
            id, rows[i].pad, rows[i].needs_pin ? "true" : "false");
        json_t *expected = tb_test_json(text);
        Fixture fixture;
        json_t *choices;

        set_up(&fixture);
        MODULE(&fixture, tb_test_token("1", token, tb_test_certificate("A", VALID), NULL));
        make_rows(&fixture, 0);
        choices = tb_rows_choices(fixture.rows, rows[i].purpose, NOW);
        if (!json_equal(choices, expected))
            tb_test_row_failed("row %u", i);
        json_decref(choices);
        choices = tb_rows_choices(fixture.rows, rows[i].purpose, 0);
        g_assert_cmpstr(json_string_value(json_object_get(json_array_get(choices, 0), "problem")),
                        ==, "not_yet_valid");
        g_assert_true(json_is_false(json_object_get(json_array_get(choices, 0), "usable")));
        json_decref(choices);
        json_decref(expected);
        tear_down(&fixture);
    }
}

int
main(int argc, char **argv)
{
    tb_test_begin(&argc, &argv);
    g_test_add_func("/rows/one-token-twice", test_one_token_twice);
    g_test_add_func("/rows/twins", test_twins);
    g_test_add_func("/rows/ids-stay", test_ids_stay);
    g_test_add_func("/rows/id-survives-a-module", test_id_survives_a_module);
    g_test_add_func("/rows/hidden", test_hidden);
    g_test_add_func("/rows/hidden-choice", test_hidden_choice);
    g_test_add_func("/rows/hidden-to-be-changed", test_hidden_to_be_changed);
    g_test_add_func("/rows/too-many", test_too_many);
    g_test_add_func("/rows/choices", test_choices);
    return tb_test_end();
}
