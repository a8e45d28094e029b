"""Single sign-on: what an organisation's identity provider says, checked, and whom it means.

`oidc` and `saml` give an `Identity` or refuse; `people` finds whom it means; `sessions` lets them
in; `providers` is how an organisation sets it up.
"""
