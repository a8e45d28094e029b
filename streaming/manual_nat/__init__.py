"""The test of a Manual NAT address: is the recorder reached there, and is it this recorder?"""
