/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows: see rows.h.
 *
 * Whether two modules see one token cannot be asked. They name its reader alike, as PC/SC does, or
 * show the same serial number, as the token does; when neither is so, they are taken for two, which
 * costs a row too many and misleads nobody. Within one module each slot is a token of its own.
 */
#include "host/rows.h"

#include <string.h>

#define HIDDEN "hidden" /* in place of a certificate's id, which is 64 digits */

struct TbRowNames {
    GHashTable *by_place; /* place -> id */
    GHashTable *given;    /* set of ids; owned by by_place's values */
};

/* What may become a row, or part of one. */
typedef struct Member {
    const TbToken *token;
    const TbCertificate *certificate; /* NULL: hidden */
    guint rank;                       /* its place in the order of the list */
} Member;

typedef struct Group {
    GPtrArray *members; /* Member, by module */
    const Member *best;
} Group;

static const char *const obstacle_words[] = {
    [TB_OBSTACLE_NONE] = NULL,
    [TB_OBSTACLE_EXPIRED] = "expired",
    [TB_OBSTACLE_NOT_YET_VALID] = "not_yet_valid",
    [TB_OBSTACLE_PIN_LOCKED] = "pin_locked",
    [TB_OBSTACLE_PIN_NOT_SET] = "pin_not_set",
    [TB_OBSTACLE_PIN_TO_BE_CHANGED] = "pin_to_be_changed",
};

void
tb_row_free(TbRow *row)
{
    if (!row)
        return;
    g_free(row->id);
    g_free(row);
}

TbRowNames *
tb_row_names_new(void)
{
    TbRowNames *names = g_new0(TbRowNames, 1);

    names->by_place = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    names->given = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return names;
}

void
tb_row_names_free(TbRowNames *names)
{
    if (!names)
        return;
    g_hash_table_unref(names->by_place);
    g_hash_table_unref(names->given);
    g_free(names);
}

TbObstacle
tb_row_obstacle(const TbRow *row, gint64 now)
{
    return row->certificate ? tb_selection_obstacle(row->certificate, now)
                            : tb_selection_token_obstacle(row->token);
}

/* --- members and groups --- */

static const char *
base_id(const Member *member)
{
    return member->certificate ? member->certificate->id : HIDDEN;
}

static gboolean
is_usable(const Member *member, gint64 now)
{
    const TbRow row = {.token = member->token, .certificate = member->certificate};

    return tb_row_obstacle(&row, now) == TB_OBSTACLE_NONE;
}

/* How much speaks for these being one token seen twice; 0: nothing. */
static guint
likeness(const TbToken *a, const TbToken *b)
{
    if (a->module == b->module)
        return 0;
    return (*a->reader && strcmp(a->reader, b->reader) == 0 ? 2u : 0u) +
           (*a->serial && strcmp(a->serial, b->serial) == 0 ? 1u : 0u);
}

static void
group_free(gpointer data)
{
    Group *group = data;

    g_ptr_array_unref(group->members);
    g_free(group);
}

static guint
group_likeness(const Group *group, const Member *member)
{
    guint most = 0;

    for (guint i = 0; i < group->members->len; i++) {
        const Member *other = group->members->pdata[i];

        if (other->token->module == member->token->module)
            return 0; /* another slot of the same module */
        most = MAX(most, likeness(other->token, member->token));
    }
    return most;
}

/* Among the groups from first on, which are of the same certificate. */
static Group *
find_group(const GPtrArray *groups, guint first, const Member *member)
{
    Group *best = NULL;
    guint most = 0;

    for (guint i = first; i < groups->len; i++) {
        guint like = group_likeness(groups->pdata[i], member);

        if (like > most) {
            most = like;
            best = groups->pdata[i];
        }
    }
    return best;
}

static gint
by_id_and_module(gconstpointer a, gconstpointer b)
{
    const Member *first = *(const Member *const *)a;
    const Member *second = *(const Member *const *)b;
    gint order = strcmp(base_id(first), base_id(second));

    if (order != 0)
        return order;
    if (first->token->module != second->token->module)
        return first->token->module < second->token->module ? -1 : 1;
    if (first->token->slot != second->token->slot)
        return first->token->slot < second->token->slot ? -1 : 1;
    return 0;
}

/* Members are sorted. */
static GPtrArray *
make_groups(GPtrArray *members)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
    guint first = 0; /* the first group of this certificate */

    g_ptr_array_sort(members, by_id_and_module);
    for (guint i = 0; i < members->len; i++) {
        Member *member = members->pdata[i];
        Group *group;

        if (i > 0 && strcmp(base_id(members->pdata[i - 1]), base_id(member)) != 0)
            first = groups->len;
        group = find_group(groups, first, member);
        if (!group) {
            group = g_new0(Group, 1);
            group->members = g_ptr_array_new();
            g_ptr_array_add(groups, group);
        }
        g_ptr_array_add(group->members, member);
    }
    return groups;
}

static void
choose_best(Group *group, guint64 doubtful, gint64 now)
{
    guint most = 0;

    for (guint i = 0; i < group->members->len; i++) {
        const Member *member = group->members->pdata[i];
        guint module = member->token->module;
        gboolean doubt = module < 64 && (doubtful >> module & 1);
        guint worth = 1u + (is_usable(member, now) ? 2u : 0u) + (doubt ? 0u : 1u);

        if (worth > most) {
            most = worth;
            group->best = member;
        }
    }
}

static gint
by_rank(gconstpointer a, gconstpointer b)
{
    const Group *first = *(const Group *const *)a;
    const Group *second = *(const Group *const *)b;

    return first->best->rank < second->best->rank ? -1 : 1;
}

/* --- ids --- */

static char *
place_of(const Member *member)
{
    const TbToken *token = member->token;

    return g_strdup_printf("%s %u %" G_GUINT64_FORMAT " %s\n%s", base_id(member), token->module,
                           token->slot, token->serial, token->reader);
}

/* The plain certificate's id for the first token that is seen with it. */
static char *
new_id(TbRowNames *names, const char *base)
{
    char *id = g_strdup(base);

    for (guint i = 2; g_hash_table_contains(names->given, id); i++) {
        g_free(id);
        id = g_strdup_printf("%s.%u", base, i);
    }
    g_hash_table_add(names->given, g_strdup(id));
    return id;
}

/* The row's id, new or as it was, whichever of its modules is there; taken: ids of other rows. */
static char *
name_group(TbRowNames *names, const Group *group, GHashTable *taken)
{
    char *id = NULL;

    for (guint i = 0; i < group->members->len && !id; i++) {
        g_autofree char *place = place_of(group->members->pdata[i]);
        const char *known = g_hash_table_lookup(names->by_place, place);

        if (known && !g_hash_table_contains(taken, known))
            id = g_strdup(known);
    }
    if (!id)
        id = new_id(names, base_id(group->members->pdata[0]));
    for (guint i = 0; i < group->members->len; i++) {
        g_autofree char *place = place_of(group->members->pdata[i]);

        if (!g_hash_table_contains(names->by_place, place))
            g_hash_table_insert(names->by_place, g_steal_pointer(&place), g_strdup(id));
    }
    return id;
}

/* --- rows --- */

static void
add_member(GPtrArray *members, const TbToken *token, const TbCertificate *certificate)
{
    Member *member = g_new0(Member, 1);

    member->token = token;
    member->certificate = certificate;
    member->rank = members->len;
    g_ptr_array_add(members, member);
}

/* Whether another module shows, without login, what a hidden token has. */
static gboolean
is_shown_elsewhere(const GPtrArray *certificates, const TbToken *token)
{
    for (guint i = 0; i < certificates->len; i++) {
        const TbCertificate *certificate = certificates->pdata[i];

        if (likeness(certificate->token, token) > 0)
            return TRUE;
    }
    return FALSE;
}

GPtrArray *
tb_rows_new(const GPtrArray *certificates, const GPtrArray *hidden, guint64 doubtful, gint64 now,
            TbRowNames *names)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)tb_row_free);
    g_autoptr(GPtrArray) members = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) groups = NULL;

    for (guint i = 0; i < certificates->len; i++) {
        const TbCertificate *certificate = certificates->pdata[i];

        add_member(members, certificate->token, certificate);
    }
    for (guint i = 0; i < hidden->len; i++) {
        if (!is_shown_elsewhere(certificates, hidden->pdata[i]))
            add_member(members, hidden->pdata[i], NULL);
    }
    groups = make_groups(members);
    for (guint i = 0; i < groups->len; i++)
        choose_best(groups->pdata[i], doubtful, now);
    g_ptr_array_sort(groups, by_rank);
    for (guint i = 0; i < MIN(groups->len, TB_ROWS_MAX); i++) {
        const Group *group = groups->pdata[i];
        TbRow *row = g_new0(TbRow, 1);

        row->id = name_group(names, group, taken);
        row->token = group->best->token;
        row->certificate = group->best->certificate;
        g_hash_table_add(taken, row->id);
        g_ptr_array_add(rows, row);
    }
    return rows;
}

static json_t *
choice_json(const TbRow *row, TbPurpose purpose, gint64 now)
{
    const TbCertificate *certificate = row->certificate;
    TbObstacle obstacle = tb_row_obstacle(row, now);
    /* Typed here or on the reader. */
    gboolean needs_pin = purpose != TB_PURPOSE_CHOOSE || !certificate;
    json_t *choice = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, s:O, s:b}", "id", row->id, "name",
        certificate ? certificate->name : "", "issuer_name",
        certificate ? certificate->issuer_name : "", "token", row->token->label, "reader",
        row->token->reader, "not_before", (json_int_t)(certificate ? certificate->not_before : 0),
        "not_after", (json_int_t)(certificate ? certificate->not_after : 0), "usable",
        obstacle == TB_OBSTACLE_NONE, "pin", row->token->pin, "needs_pin", needs_pin);

    if (obstacle != TB_OBSTACLE_NONE)
        json_object_set_new(choice, "problem", json_string(obstacle_words[obstacle]));
    if (!certificate)
        json_object_set_new(choice, "hidden", json_true());
    return choice;
}

json_t *
tb_rows_choices(const GPtrArray *rows, TbPurpose purpose, gint64 now)
{
    json_t *choices = json_array();

    for (guint i = 0; i < rows->len; i++)
        json_array_append_new(choices, choice_json(rows->pdata[i], purpose, now));
    return choices;
}
