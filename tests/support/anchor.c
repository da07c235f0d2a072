/* Keeps the support library from being empty. */
extern const int wendi_test_support_anchor;
const int wendi_test_support_anchor = 0;
