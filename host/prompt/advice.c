/* SPDX-License-Identifier: Apache-2.0
 *
 * Titles and advice: see advice.h. Nothing in them comes from outside.
 */
#include "host/prompt/advice.h"

#include <glib/gi18n.h>

static TbAdvice
no_certificate(TbOperation operation)
{
    if (operation == TB_OPERATION_AUTHENTICATE)
        return (TbAdvice){_("No certificate to sign in with"),
                          _("Your token is there, but none of its certificates can be used to "
                            "sign in here. Insert another token if you have one.")};
    return (TbAdvice){_("No certificate to sign with"),
                      _("Your token is there, but none of its certificates can be used for "
                        "this. Insert another token if you have one.")};
}

TbAdvice
tb_advice_problem(TbProblem problem, TbOperation operation)
{
    switch (problem) {
    case TB_PROBLEM_NONE:
        return (TbAdvice){_("Looking for your token…"), NULL};
    case TB_PROBLEM_NO_MODULE:
        return (TbAdvice){_("The software for your token is missing"),
                          _("Ask your administrator to install the PKCS#11 module of your token, "
                            "for example the package “opensc-pkcs11”. Then try again.")};
    case TB_PROBLEM_NO_TOKEN:
        return (TbAdvice){_("Insert your token"),
                          _("Tokenbridge goes on by itself as soon as it is there.")};
    case TB_PROBLEM_NO_CERTIFICATE:
        return no_certificate(operation);
    case TB_PROBLEM_MODULE_FAILED:
        return (TbAdvice){_("Your token cannot be read"),
                          _("Take the token out and insert it again. If that does not help, ask "
                            "your administrator to check the token’s software.")};
    case TB_PROBLEM_NO_READER_SERVICE:
        return (TbAdvice){_("The service for card readers is not running"),
                          _("Ask your administrator to install or start it: the package “pcscd”. "
                            "Then try again.")};
    case TB_PROBLEM_NO_READER:
        return (TbAdvice){_("Connect your card reader or token"),
                          _("No reader is connected. Tokenbridge goes on by itself as soon as one "
                            "with your card is there.")};
    case TB_PROBLEM_NO_CARD:
        return (TbAdvice){_("Insert your card"),
                          _("The card reader is there, but no card is in it. Tokenbridge goes on "
                            "by itself as soon as the card is there.")};
    case TB_PROBLEM_CARD_UNKNOWN:
        return (TbAdvice){_("Your card is not recognised"),
                          _("Make sure that it is the right card, the right way round. If it is, "
                            "ask your administrator to install the PKCS#11 module for it.")};
    }
    g_assert_not_reached();
}

static TbAdvice
pin_locked(void)
{
    return (TbAdvice){_("The PIN is locked"),
                      _("The token has locked its PIN after too many wrong ones. If you have the "
                        "PUK, choose “Unblock…” at Tokenbridge’s button in the browser, or run "
                        "“tokenbridge pin unblock”; if not, ask whoever issued the token.")};
}

static TbAdvice
puk_locked(void)
{
    return (TbAdvice){_("The PUK is locked"),
                      _("The token has locked its PUK after too many wrong ones. Ask whoever "
                        "issued the token.")};
}

TbAdvice
tb_advice_token(const TbToken *token, TbOperation operation)
{
    if (operation == TB_OPERATION_UNBLOCK_PIN && token->puk.state == TB_PIN_STATE_LOCKED)
        return puk_locked();
    if (operation == TB_OPERATION_CHANGE_PIN && token->pin.state == TB_PIN_STATE_LOCKED)
        return pin_locked();
    if (operation == TB_OPERATION_CHANGE_PIN && token->pin.state == TB_PIN_STATE_NOT_INITIALISED)
        return (TbAdvice){_("This token has no PIN yet"),
                          _("Whoever issued the token has to set its first PIN.")};
    return (TbAdvice){NULL, NULL};
}

/* The words that belong to the care of a PIN only. */
static TbAdvice
new_pin_failure(TbReason reason)
{
    if (reason == TB_REASON_PUK_BLOCKED)
        return puk_locked();
    if (reason == TB_REASON_PUK_INCORRECT)
        return (TbAdvice){_("The PUK was wrong"),
                          _("The PUK is in the letter that came with the token. Make sure of it, "
                            "then start again.")};
    return (TbAdvice){_("The token does not accept the new PIN"),
                      _("Start again, and choose another PIN: of digits, and neither too short "
                        "nor too long for the token.")};
}

static TbAdvice
sign_in_failure(TbReason reason)
{
    switch (reason) {
    case TB_REASON_TOKEN_MISSING:
        return (TbAdvice){_("The token is not there"),
                          _("Insert the token and start again on the site.")};
    case TB_REASON_TOKEN_REMOVED:
        return (TbAdvice){_("The token was taken out"),
                          _("Insert it again, leave it in until the end, and start again on the "
                            "site.")};
    case TB_REASON_NO_CERTIFICATE:
        return (TbAdvice){_("There is no certificate for this"),
                          _("Your token has no certificate that can be used here. Ask whoever "
                            "issued the token.")};
    case TB_REASON_PIN_BLOCKED:
        return pin_locked();
    case TB_REASON_PIN_INCORRECT:
        return (TbAdvice){_("The PIN was wrong"),
                          _("Make sure of your PIN, then start again on the site.")};
    case TB_REASON_PIN_INVALID:
    case TB_REASON_PUK_INCORRECT:
    case TB_REASON_PUK_BLOCKED:
        return new_pin_failure(reason);
    case TB_REASON_PIN_PAD_FAILED:
        return (TbAdvice){_("The reader’s keypad reported a failure"),
                          _("Start again on the site, and enter the PIN on the reader without a "
                            "long pause.")};
    case TB_REASON_USER_TIMEOUT:
        return (TbAdvice){_("The time is over"), _("Start again on the site when you are ready.")};
    case TB_REASON_USER_CANCELLED:
    case TB_REASON_ABORTED:
        return (TbAdvice){_("The request was taken back"),
                          _("If that was not you, start again on the site.")};
    case TB_REASON_MODULE_FAILED:
        return (TbAdvice){_("The token’s software has failed"),
                          _("Take the token out, insert it again and start again on the site. If "
                            "that does not help, ask your administrator.")};
    case TB_REASON_MODULE_TIMEOUT:
        return (TbAdvice){_("The token does not answer"),
                          _("Take the token out, insert it again and start again on the site.")};
    case TB_REASON_ORIGIN_REFUSED:
        return (TbAdvice){_("This site may not ask for this"),
                          _("Your administrator can allow it.")};
    case TB_REASON_BUSY:
        return (TbAdvice){_("Another request is open"),
                          _("Finish or cancel it first, then start again on the site.")};
    case TB_REASON_INVALID_REQUEST:
    case TB_REASON_UNSUPPORTED:
        return (TbAdvice){_("The site asked for something that does not exist"),
                          _("This is a fault of the site. Tell those who run it.")};
    case TB_REASON_INTERNAL:
        return (TbAdvice){_("Something went wrong in Tokenbridge"),
                          _("Start again on the site. If it happens again, show this message to "
                            "your administrator.")};
    }
    g_assert_not_reached();
}

/* No site is in this. A token that fails on the way may have taken the new PIN all the same. */
static TbAdvice
pin_care_failure(TbReason reason)
{
    switch (reason) {
    case TB_REASON_TOKEN_MISSING:
    case TB_REASON_NO_CERTIFICATE:
        return (TbAdvice){_("The token is not there"), _("Insert the token and start again.")};
    case TB_REASON_TOKEN_REMOVED:
        return (TbAdvice){_("The token was taken out"),
                          _("Insert it again and start again. If you had entered the new PIN "
                            "already, it may be in force.")};
    case TB_REASON_PIN_BLOCKED:
        return pin_locked();
    case TB_REASON_PIN_INCORRECT:
        return (TbAdvice){_("The PIN was wrong"), _("Make sure of your PIN, then start again.")};
    case TB_REASON_PIN_INVALID:
    case TB_REASON_PUK_INCORRECT:
    case TB_REASON_PUK_BLOCKED:
        return new_pin_failure(reason);
    case TB_REASON_PIN_PAD_FAILED:
        return (TbAdvice){_("The reader’s keypad reported a failure"),
                          _("Start again, and enter everything on the reader without a long "
                            "pause.")};
    case TB_REASON_USER_TIMEOUT:
        return (TbAdvice){_("The time is over"), _("Start again when you are ready.")};
    case TB_REASON_USER_CANCELLED:
    case TB_REASON_ABORTED:
        return (TbAdvice){_("The request was taken back"), _("If that was not you, start again.")};
    case TB_REASON_MODULE_FAILED:
        return (TbAdvice){_("The token’s software has failed"),
                          _("Take the token out, insert it again and start again. If you had "
                            "entered the new PIN already, it may be in force.")};
    case TB_REASON_MODULE_TIMEOUT:
        return (TbAdvice){_("The token does not answer"),
                          _("Take the token out, insert it again and start again. If you had "
                            "entered the new PIN already, it may be in force.")};
    case TB_REASON_BUSY:
        return (TbAdvice){_("Another request is open"),
                          _("Finish or cancel it first, then start again.")};
    case TB_REASON_UNSUPPORTED:
        return (TbAdvice){_("This token’s software cannot do this"),
                          _("Use the program that the token’s maker has for it, or ask whoever "
                            "issued the token.")};
    case TB_REASON_ORIGIN_REFUSED:
    case TB_REASON_INVALID_REQUEST:
    case TB_REASON_INTERNAL:
        return (TbAdvice){_("Something went wrong in Tokenbridge"),
                          _("Start again. If it happens again, show this message to your "
                            "administrator.")};
    }
    g_assert_not_reached();
}

TbAdvice
tb_advice_failure(TbReason reason, TbOperation operation)
{
    return tb_operation_is_pin_care(operation) ? pin_care_failure(reason) : sign_in_failure(reason);
}

TbAdvice
tb_advice_done(TbOperation operation)
{
    switch (operation) {
    case TB_OPERATION_AUTHENTICATE:
        return (TbAdvice){_("Your token has signed"), _("The site is signing you in now.")};
    case TB_OPERATION_SIGN:
        return (TbAdvice){_("The document is signed"), _("The site has your signature now.")};
    case TB_OPERATION_CHOOSE:
        return (TbAdvice){_("Certificate chosen"), _("The site has your certificate now.")};
    case TB_OPERATION_CHANGE_PIN:
        return (TbAdvice){_("The PIN is changed"), _("Use the new one from now on.")};
    case TB_OPERATION_UNBLOCK_PIN:
        return (TbAdvice){_("The PIN is unblocked"), _("Use the new one from now on.")};
    }
    g_assert_not_reached();
}

TbAdvice
tb_advice_working(TbOperation operation, gboolean pad)
{
    switch (operation) {
    case TB_OPERATION_CHANGE_PIN:
        if (pad)
            return (TbAdvice){_("Enter the PINs on the reader"),
                              _("The reader asks for the current PIN and then for the new one, "
                                "twice.")};
        return (TbAdvice){_("Your token is changing its PIN…"), NULL};
    case TB_OPERATION_UNBLOCK_PIN:
        if (pad)
            return (TbAdvice){_("Enter the PUK and the new PIN on the reader"),
                              _("The reader asks for the PUK and then for the new PIN, twice.")};
        return (TbAdvice){_("Your token is unblocking its PIN…"), NULL};
    case TB_OPERATION_AUTHENTICATE:
    case TB_OPERATION_SIGN:
    case TB_OPERATION_CHOOSE:
        break;
    }
    if (pad)
        return (TbAdvice){_("Enter the PIN on the reader"),
                          _("Use the keypad of the reader, then confirm there.")};
    return (TbAdvice){
        operation == TB_OPERATION_CHOOSE ? _("One moment…") : _("Your token is signing…"), NULL};
}
