/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of host/prompt/message.c: what the prompt takes from the host, and what it refuses.
 */
#include <string.h>

#include "host/common/fault.h"
#include "host/prompt/message.h"

#define PIN "'pin':{'state':'low','pad':false,'min':4,'max':8}"
#define CHOICE                                                                                     \
    "{'id':'ab','name':'Anna','issuer_name':'CA','token':'T','reader':'R','not_before':1,"         \
    "'not_after':2,'usable':true," PIN ",'needs_pin':true}"
#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static TbMessage *
parse(const char *text, gboolean has_fd, GError **error)
{
    g_autofree char *json = g_strdelimit(g_strdup(text), "'", '"');
    json_t *object = json_loads(json, 0, NULL);
    TbMessage *message;

    g_assert_nonnull(object);
    message = tb_message_parse(object, has_fd, error);
    json_decref(object);
    return message;
}

static void
refused(const char *text)
{
    g_autoptr(GError) error = NULL;

    g_test_message("%.120s", text);
    g_assert_null(parse(text, FALSE, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
}

static void
test_show(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = parse(
        "{'type':'show','operation':'sign','origin':'https://example.org','lang':'fa',"
        "'top_origin':'https://top.example','hash':{'function':'SHA-256','hex':'" SHA256 "'}}",
        FALSE, &error);

    g_assert_no_error(error);
    g_assert_cmpint(message->type, ==, TB_MESSAGE_SHOW);
    g_assert_cmpint(message->operation, ==, TB_OPERATION_SIGN);
    g_assert_cmpstr(message->origin, ==, "https://example.org");
    g_assert_cmpstr(message->top_origin, ==, "https://top.example");
    g_assert_cmpstr(message->lang, ==, "fa");
    g_assert_cmpstr(message->hash_function, ==, "SHA-256");
    g_assert_cmpstr(message->hash_hex, ==, SHA256);
}

static void
test_bad_show(void)
{
    refused("{'type':'show'}");
    refused("{'type':'show','operation':'pay','origin':'https://example.org'}");
    refused("{'type':'show','operation':'choose'}");
    refused("{'type':'show','operation':'choose','origin':'http://example.org'}");
    refused("{'type':'show','operation':'choose','origin':'https://<b>x</b>'}");
    refused("{'type':'show','operation':'choose','origin':'https://a.example/','lang':'en'}");
    refused("{'type':'show','operation':'choose','origin':'https://a.example','top_origin':'x'}");
    refused("{'type':'show','operation':'choose','origin':'https://a.example','nonce':'x'}");
    refused("{'type':'show','operation':'choose','origin':'https://a.example','lang':1}");
    refused("{'type':'show','operation':'sign','origin':'https://a.example'}");
    refused("{'type':'show','operation':'sign','origin':'https://a.example',"
            "'hash':{'function':'SHA-384','hex':'" SHA256 "'}}");
    refused("{'type':'show','operation':'sign','origin':'https://a.example',"
            "'hash':{'function':'MD5','hex':'0123456789abcdef0123456789abcdef'}}");
    refused("{'type':'show','operation':'sign','origin':'https://a.example',"
            "'hash':{'function':'SHA-256','hex':'" SHA256 "','file':'x'}}");
}

static void
test_certificates(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = parse(
        "{'type':'certificates','certificates':[" CHOICE "],'preferred':'ab'}", FALSE, &error);
    const TbChoice *choice;

    g_assert_no_error(error);
    g_assert_cmpuint(message->choices->len, ==, 1);
    g_assert_cmpstr(message->preferred, ==, "ab");
    g_assert_cmpint(message->problem, ==, TB_PROBLEM_NONE);
    choice = g_ptr_array_index(message->choices, 0);
    g_assert_cmpstr(choice->name, ==, "Anna");
    g_assert_cmpint(choice->not_after, ==, 2);
    g_assert_true(choice->usable);
    g_assert_cmpint(choice->pin.state, ==, TB_PIN_STATE_LOW);
    g_assert_cmpuint(choice->pin.min, ==, 4);
    g_assert_cmpuint(choice->pin.max, ==, 8);
}

static void
test_no_certificates(void)
{
    static const char *const words[] = {"no_module",     "no_token",          "no_certificate",
                                        "module_failed", "no_reader_service", "no_reader",
                                        "no_card",       "card_unknown"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *text =
            g_strdup_printf("{'type':'certificates','certificates':[],'problem':'%s'}", words[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(TbMessage) message = parse(text, FALSE, &error);

        g_assert_no_error(error);
        g_assert_cmpint(message->problem, ==, (TbProblem)(TB_PROBLEM_NO_MODULE + i));
        g_assert_cmpuint(message->choices->len, ==, 0);
    }
}

static void
test_bad_certificates(void)
{
    GString *many = g_string_new("{'type':'certificates','certificates':[" CHOICE);

    refused("{'type':'certificates'}");
    refused("{'type':'certificates','certificates':{}}");
    refused("{'type':'certificates','certificates':[1]}");
    refused("{'type':'certificates','certificates':[{}]}");
    refused("{'type':'certificates','certificates':[],'problem':''}");
    refused("{'type':'certificates','certificates':[],'problem':'tired'}");
    refused("{'type':'certificates','certificates':[],'der':''}");
    refused("{'type':'certificates','certificates':[{'id':'ab','name':'Anna','issuer_name':'CA',"
            "'token':'T','reader':'R','not_before':1,'not_after':2,'usable':true,"
            "'pin':{'state':'tired','pad':false},'needs_pin':true}]}");
    for (int i = 0; i < 256; i++)
        g_string_append(many, "," CHOICE);
    g_string_append(many, "]}");
    refused(many->str);
    g_string_free(many, TRUE);
}

static void
test_hidden(void)
{
    static const char *const whole =
        "{'type':'certificates','certificates':[{'id':'T1','name':'','issuer_name':'','token':'T',"
        "'reader':'R','not_before':0,'not_after':0,'usable':true," PIN
        ",'needs_pin':true,'hidden':true}],'again':true}";
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = parse(whole, FALSE, &error);
    g_autoptr(TbMessage) plain =
        parse("{'type':'certificates','certificates':[" CHOICE "]}", FALSE, &error);
    const TbChoice *choice;

    g_assert_no_error(error);
    g_assert_true(message->again);
    choice = g_ptr_array_index(message->choices, 0);
    g_assert_true(choice->hidden);
    g_assert_false(plain->again);
    choice = g_ptr_array_index(plain->choices, 0);
    g_assert_false(choice->hidden);
    refused("{'type':'certificates','certificates':[],'again':1}");
    refused("{'type':'certificates','certificates':[{'id':'T1','name':'Anna','issuer_name':'',"
            "'token':'T','reader':'R','not_before':0,'not_after':0,'usable':true," PIN
            ",'needs_pin':true,'hidden':true}]}");
    refused("{'type':'certificates','certificates':[{'id':'T1','name':'','issuer_name':'',"
            "'token':'T','reader':'R','not_before':0,'not_after':0,'usable':true," PIN
            ",'needs_pin':false,'hidden':true}]}");
}

static void
test_pin_care(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) change =
        parse("{'type':'show','operation':'change_pin','lang':'fa'}", FALSE, &error);
    g_autoptr(TbMessage) unblock =
        parse("{'type':'show','operation':'unblock_pin'}", FALSE, &error);

    g_assert_no_error(error);
    g_assert_cmpint(change->operation, ==, TB_OPERATION_CHANGE_PIN);
    g_assert_null(change->origin);
    g_assert_cmpstr(change->lang, ==, "fa");
    g_assert_cmpint(unblock->operation, ==, TB_OPERATION_UNBLOCK_PIN);
    g_assert_true(tb_operation_is_pin_care(unblock->operation));
    g_assert_false(tb_operation_is_pin_care(TB_OPERATION_CHOOSE));
    refused("{'type':'show','operation':'change_pin','origin':'https://a.example'}");
    refused("{'type':'show','operation':'unblock_pin','top_origin':'https://a.example'}");
    refused("{'type':'show','operation':'change_pin','hash':{'function':'SHA-256','hex':'" SHA256
            "'}}");
}

#define PUK "'puk':{'state':'final_try','pad':true,'min':8,'max':8}"

static void
test_token(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message =
        parse("{'type':'token','token':{'label':'T','reader':'R'," PIN "," PUK "}}", FALSE, &error);
    g_autoptr(TbMessage) looking = parse("{'type':'token'}", FALSE, &error);
    g_autoptr(TbMessage) missing = parse("{'type':'token','problem':'no_card'}", FALSE, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(message->token->label, ==, "T");
    g_assert_cmpstr(message->token->reader, ==, "R");
    g_assert_cmpint(message->token->pin.state, ==, TB_PIN_STATE_LOW);
    g_assert_cmpint(message->token->puk.state, ==, TB_PIN_STATE_FINAL_TRY);
    g_assert_true(message->token->puk.pad);
    g_assert_cmpuint(message->token->puk.min, ==, 8);
    g_assert_null(looking->token);
    g_assert_cmpint(looking->problem, ==, TB_PROBLEM_NONE);
    g_assert_null(missing->token);
    g_assert_cmpint(missing->problem, ==, TB_PROBLEM_NO_CARD);
    refused("{'type':'token','token':{'label':'T','reader':'R'," PIN "}}");
    refused("{'type':'token','token':{'label':'T','reader':'R'," PUK "}}");
    refused("{'type':'token','token':{'reader':'R'," PIN "," PUK "}}");
    refused("{'type':'token','token':{'label':'T','reader':'R','serial':'1'," PIN "," PUK "}}");
    refused("{'type':'token','token':[]}");
    refused("{'type':'token','problem':'tired'}");
    refused("{'type':'token','problem':'no_card','token':{'label':'T','reader':'R'," PIN "," PUK
            "}}");
    refused("{'type':'token','token':{'label':'T','reader':'R'," PIN
            ",'puk':{'state':'not_initialised','pad':false}}}");
}

static void
failed_kind(const char *what, TbPinKind expected)
{
    g_autofree char *text =
        g_strdup_printf("{'type':'pin_failed','repeated':false%s," PIN "}", what);
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = parse(text, FALSE, &error);

    g_assert_no_error(error);
    g_assert_cmpint(message->what, ==, expected);
    g_assert_false(message->repeated);
}

static void
test_pin_failed(void)
{
    failed_kind("", TB_PIN_KIND_PIN);
    failed_kind(",'what':'pin'", TB_PIN_KIND_PIN);
    failed_kind(",'what':'puk'", TB_PIN_KIND_PUK);
    failed_kind(",'what':'new'", TB_PIN_KIND_NEW);
    refused("{'type':'pin_failed','repeated':false,'what':'PIN'," PIN "}");
    refused("{'type':'pin_failed'," PIN "}");
    refused("{'type':'pin_failed','repeated':false}");
    refused("{'type':'pin_failed','repeated':false,'what':'puk',"
            "'pin':{'state':'not_initialised','pad':false}}");
}

static void
limits(const char *min, const char *max, guint expected_min, guint expected_max)
{
    g_autofree char *text =
        g_strdup_printf("{'type':'pin_failed','repeated':true,"
                        "'pin':{'state':'final_try','pad':true,'min':%s,'max':%s}}",
                        min, max);
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) message = parse(text, FALSE, &error);

    g_assert_no_error(error);
    g_assert_true(message->repeated);
    g_assert_true(message->pin.pad);
    g_assert_cmpint(message->pin.state, ==, TB_PIN_STATE_FINAL_TRY);
    g_assert_cmpuint(message->pin.min, ==, expected_min);
    g_assert_cmpuint(message->pin.max, ==, expected_max);
}

static void
test_pin_limits(void)
{
    limits("4", "8", 4, 8);
    limits("0", "0", 0, 255);
    limits("4", "9223372036854775807", 4, 255);
    limits("4294967295", "4294967295", 0, 255);
    limits("9", "8", 0, 8);
    refused(
        "{'type':'pin_failed','repeated':true,'pin':{'state':'ok','pad':true,'min':-1,'max':8}}");
}

static void
test_others(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TbMessage) working = parse("{'type':'working','pad':true}", FALSE, &error);
    g_autoptr(TbMessage) failed =
        parse("{'type':'failed','reason':'pin_blocked','message':'No.'}", FALSE, &error);
    g_autoptr(TbMessage) pin = parse("{'type':'pin'}", TRUE, &error);

    g_assert_no_error(error);
    g_assert_true(working->pad);
    g_assert_cmpint(failed->reason, ==, TB_REASON_PIN_BLOCKED);
    g_assert_cmpstr(failed->text, ==, "No.");
    g_assert_cmpint(pin->type, ==, TB_MESSAGE_PIN);
    refused("{'type':'pin'}"); /* without its descriptor */
    g_assert_null(parse("{'type':'done'}", TRUE, &error));
    g_assert_error(error, TB_FAULT, TB_REASON_INVALID_REQUEST);
    refused("{}");
    refused("{'type':1}");
    refused("{'type':'run','program':'x'}");
    refused("{'type':'working'}");
    refused("{'type':'done','url':'x'}");
    refused("{'type':'failed','reason':'tired','message':'No.'}");
    refused("{'type':'failed','reason':'busy'}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/message/show", test_show);
    g_test_add_func("/message/bad-show", test_bad_show);
    g_test_add_func("/message/certificates", test_certificates);
    g_test_add_func("/message/no-certificates", test_no_certificates);
    g_test_add_func("/message/bad-certificates", test_bad_certificates);
    g_test_add_func("/message/hidden", test_hidden);
    g_test_add_func("/message/pin-care", test_pin_care);
    g_test_add_func("/message/token", test_token);
    g_test_add_func("/message/pin-failed", test_pin_failed);
    g_test_add_func("/message/pin-limits", test_pin_limits);
    g_test_add_func("/message/others", test_others);
    return g_test_run();
}
